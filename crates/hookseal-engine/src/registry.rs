//! The subscriptions in memory: which of them an event goes to.

use std::{collections::HashMap, sync::Arc};

use hookseal::Timestamp;

use crate::{EventType, Scope, Subscription, SubscriptionId, SubscriptionKey, subscriber::Subscriber};

/// The subscriptions of all scopes, ready to be matched and sent to.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    by_key: HashMap<SubscriptionKey, Arc<Subscriber>>,
    by_id: HashMap<SubscriptionId, SubscriptionKey>,
    scopes: HashMap<Scope, Index>,
}

/// Who wants what in one scope, each list in the order of creation.
#[derive(Debug, Default)]
struct Index {
    all_types: Vec<SubscriptionKey>,
    by_type: HashMap<EventType, Vec<SubscriptionKey>>,
}

impl Registry {
    /// Adds a subscription, or puts a changed one in the place of what it was.
    pub(crate) fn insert(&mut self, subscriber: Arc<Subscriber>) {
        let key = subscriber.subscription.key;
        self.remove(key);
        let index = self.scopes.entry(subscriber.subscription.scope).or_default();
        match &subscriber.subscription.settings.event_types {
            None => add(&mut index.all_types, key),
            Some(types) => {
                for event_type in types {
                    add(index.by_type.entry(event_type.clone()).or_default(), key);
                }
            }
        }
        self.by_id.insert(subscriber.subscription.id, key);
        self.by_key.insert(key, subscriber);
    }

    /// Forgets a subscription.
    pub(crate) fn remove(&mut self, key: SubscriptionKey) {
        let Some(subscriber) = self.by_key.remove(&key) else { return };
        self.by_id.remove(&subscriber.subscription.id);
        let Some(index) = self.scopes.get_mut(&subscriber.subscription.scope) else { return };
        match &subscriber.subscription.settings.event_types {
            None => drop_key(&mut index.all_types, key),
            Some(types) => {
                for event_type in types {
                    if let Some(keys) = index.by_type.get_mut(event_type) {
                        drop_key(keys, key);
                        if keys.is_empty() {
                            index.by_type.remove(event_type);
                        }
                    }
                }
            }
        }
    }

    /// The subscriptions that an event of this type goes to, oldest first.
    pub(crate) fn matching(&self, scope: Scope, event_type: &EventType) -> Vec<SubscriptionKey> {
        // What tells of this program itself goes to those alone that ask for it.
        if event_type.is_operational() {
            return self.naming(scope, event_type);
        }
        let Some(index) = self.scopes.get(&scope) else { return Vec::new() };
        let Some(by_type) = index.by_type.get(event_type) else { return index.all_types.clone() };
        let mut keys = [index.all_types.as_slice(), by_type].concat();
        keys.sort_unstable();
        keys
    }

    /// The subscriptions that name this type, oldest first.
    pub(crate) fn naming(&self, scope: Scope, event_type: &EventType) -> Vec<SubscriptionKey> {
        let by_type = self.scopes.get(&scope).and_then(|index| index.by_type.get(event_type));
        by_type.cloned().unwrap_or_default()
    }

    /// The secrets that have an end: whose, and when; the first of each subscription, those that end first before others.
    pub(crate) fn secrets_that_end(&self) -> Vec<(Scope, SubscriptionId, Timestamp)> {
        let all = self.by_key.values().map(|subscriber| &subscriber.subscription);
        let ending = |subscription: &'_ Subscription| {
            let first = subscription.secrets.iter().filter_map(|secret| secret.expires_at).min();
            first.map(|at| (subscription.scope, subscription.id, at))
        };
        let mut ending: Vec<_> = all.filter_map(ending).collect();
        ending.sort_unstable_by_key(|(_, id, at)| (*at, *id));
        ending
    }

    /// The subscription with this key.
    pub(crate) fn subscriber(&self, key: SubscriptionKey) -> Option<&Arc<Subscriber>> {
        self.by_key.get(&key)
    }

    /// The subscription with this id, within a scope.
    pub(crate) fn by_id(&self, scope: Scope, id: SubscriptionId) -> Option<&Arc<Subscriber>> {
        self.by_key.get(self.by_id.get(&id)?).filter(|subscriber| subscriber.subscription.scope == scope)
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.by_key.len()
    }
}

fn add(keys: &mut Vec<SubscriptionKey>, key: SubscriptionKey) {
    if let Err(place) = keys.binary_search(&key) {
        keys.insert(place, key);
    }
}

fn drop_key(keys: &mut Vec<SubscriptionKey>, key: SubscriptionKey) {
    if let Ok(place) = keys.binary_search(&key) {
        keys.remove(place);
    }
}
