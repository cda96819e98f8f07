//! Which certificates are taken.

use rcgen::{CertificateParams, date_time_ymd};

use super::world::{Authority, World, certificate, pem};

const PATH: &str = "/signing.pem";

async fn failure_of(world: &World, file: &str, rules: &str) -> String {
    world.serve(PATH, "", file);
    world.failure(&certificate(PATH, rules)).await
}

/// The failure of a certificate of the trusted authority, changed like this.
async fn failure_with(name: &str, change: impl FnOnce(&mut CertificateParams), rules: &str) -> String {
    let world = World::new().await;
    let signing = world.authority.signing(name, change);
    failure_of(&world, &pem(&[&signing]), rules).await
}

#[tokio::test]
async fn one_that_is_right_is_given_as_the_profile_takes_it() {
    let world = World::new().await;
    let signing = world.authority.signing("keys.test", |_| {});
    world.serve(PATH, "", &pem(&[&signing]));
    let keys = world.keys(&certificate(PATH, "")).await.unwrap();
    assert_eq!(keys.len(), 1);
    let text = str::from_utf8(keys[0].expose()).unwrap();
    assert_eq!(text.replace('\n', ""), pem(&[&signing]).replace('\n', ""));
}

#[tokio::test]
async fn the_name_has_to_be_one_of_the_profile() {
    let words = "for another name";
    assert!(failure_with("other.test", |_| {}, "").await.contains(words));
    assert!(failure_with("keys.test.evil.example", |_| {}, "").await.contains(words));
    assert!(failure_with("*.test", |_| {}, "").await.contains(words));
    assert!(failure_with("keys.test", |_| {}, "names = [\".keys.test\"]").await.contains(words));
    assert!(failure_with("evilkeys.test", |_| {}, "names = [\".keys.test\"]").await.contains(words));
    assert!(
        failure_with("keys.test", |_| {}, "chain = false\nnames = [\"other.test\"]").await.contains(words)
    );
    let world = World::new().await;
    let signing = world.authority.signing("signer.of.keys.test", |_| {});
    world.serve(PATH, "", &pem(&[&signing]));
    assert!(world.keys(&certificate(PATH, "names = [\".keys.test\"]")).await.is_ok());
}

#[tokio::test]
async fn its_time_has_to_be_now() {
    for rules in ["", "chain = false"] {
        let expired = |params: &mut CertificateParams| params.not_after = date_time_ymd(2026, 1, 1);
        assert!(failure_with("keys.test", expired, rules).await.contains("has expired"));
        let future = |params: &mut CertificateParams| params.not_before = date_time_ymd(2027, 1, 1);
        assert!(failure_with("keys.test", future, rules).await.contains("not valid yet"));
    }
}

#[tokio::test]
async fn it_has_to_lead_to_a_trusted_authority() {
    let words = "does not lead to a trusted authority";
    let world = World::new().await;
    let stranger = Authority::new("A stranger");
    let forged = stranger.signing("keys.test", |_| {});
    assert!(failure_of(&world, &pem(&[&forged]), "").await.contains(words));

    // A stranger's chain is none, whatever stands in the file.
    let world = World::new().await;
    let file = pem(&[&forged, &stranger.certificate, &world.authority.certificate]);
    assert!(failure_of(&world, &file, "").await.contains(words));

    let client_only = |params: &mut CertificateParams| {
        params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
    };
    assert!(failure_with("keys.test", client_only, "").await.contains(words));
}

#[tokio::test]
async fn the_file_holds_what_stands_in_between() {
    let world = World::new().await;
    let between = world.authority.below("In between");
    let signing = between.signing("keys.test", |_| {});
    world.serve(PATH, "", &pem(&[&signing, &between.certificate]));
    assert!(world.keys(&certificate(PATH, "")).await.is_ok());
    assert!(failure_of(&world, &pem(&[&signing]), "path-suffix = \".pem\"").await.contains("in between"));
}

#[tokio::test]
async fn one_that_is_certified_may_not_certify() {
    let world = World::new().await;
    let impostor = world.authority.below_without_right("keys.test");
    let file = pem(&[&impostor.signing("keys.test", |_| {}), &impostor.certificate]);
    assert!(failure_of(&world, &file, "").await.contains("does not lead to a trusted authority"));
}

#[tokio::test]
async fn without_a_chain_the_host_alone_vouches() {
    let world = World::new().await;
    let signing = Authority::new("Unknown").signing("keys.test", |_| {});
    world.serve(PATH, "", &pem(&[&signing]));
    assert!(world.keys(&certificate(PATH, "chain = false")).await.is_ok());
}

#[tokio::test]
async fn what_is_no_certificate_is_refused() {
    let world = World::new().await;
    let good = pem(&[&world.authority.signing("keys.test", |_| {})]);
    let broken = good.replacen("MII", "MIX", 1);
    let key = include_str!("rsa-key.pem");
    let cut = &good[..good.len() / 2];
    for file in
        ["", "<html></html>", key, cut, &broken, "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"]
    {
        let world = World::new().await;
        let words = failure_of(&world, file, "").await;
        assert!(words.contains("no certificate in PEM"), "{file}: {words}");
    }
    // What stands before the certificate is not what is verified with.
    world.serve(PATH, "", &format!("{key}{good}"));
    let keys = world.keys(&certificate(PATH, "")).await.unwrap();
    let text = str::from_utf8(keys[0].expose()).unwrap();
    assert_eq!(text.replace('\n', ""), good.replace('\n', ""));
}
