//! Lists that nearly always have one item, which then needs no allocation.

/// A list that allocates from its second item on.
#[derive(Debug)]
pub(crate) struct Few<T> {
    first: Option<T>,
    more: Vec<T>,
}

impl<T> Few<T> {
    pub(crate) fn push(&mut self, item: T) {
        match &self.first {
            None => self.first = Some(item),
            Some(_) => self.more.push(item),
        }
    }

    /// Adds an item that is filled where it then stays; takes it away again where that fails.
    pub(crate) fn push_filled(&mut self, item: T, fill: impl FnOnce(&mut T) -> bool) {
        let filled = match &mut self.first {
            first @ None => fill(first.insert(item)),
            Some(_) => fill(self.more.push_mut(item)),
        };
        if !filled && self.more.pop().is_none() {
            self.first = None;
        }
    }

    pub(crate) fn len(&self) -> usize {
        usize::from(self.first.is_some()) + self.more.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> + Clone {
        self.first.iter().chain(&self.more)
    }

    pub(crate) fn nth(&self, index: usize) -> Option<&T> {
        match index.checked_sub(1) {
            None => self.first.as_ref(),
            Some(index) => self.more.get(index),
        }
    }
}

impl<T> Default for Few<T> {
    fn default() -> Self {
        Self { first: None, more: Vec::new() }
    }
}

impl<T> Extend<T> for Few<T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, items: I) {
        items.into_iter().for_each(|item| self.push(item));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_a_list() {
        let mut few = Few::default();
        assert!(few.is_empty() && few.nth(0).is_none());
        few.extend([1, 2, 3]);
        assert_eq!(few.len(), 3);
        assert_eq!(few.iter().copied().collect::<Vec<_>>(), [1, 2, 3]);
        assert_eq!([few.nth(0), few.nth(2), few.nth(3)], [Some(&1), Some(&3), None]);
    }

    #[test]
    fn what_cannot_be_filled_is_not_there() {
        let mut few = Few::default();
        for (item, kept) in [(1, false), (2, true), (3, false), (4, true), (5, false)] {
            few.push_filled(item, |item| {
                *item *= 10;
                kept
            });
        }
        assert_eq!(few.iter().copied().collect::<Vec<_>>(), [20, 40]);
    }
}
