use crate::support::run;

fn help(command: &[&str]) -> String {
    let ran = run(command.iter().copied().chain(["--help"]));
    assert_eq!((ran.status, ran.stderr.as_str()), (0, ""));
    ran.stdout
}

#[test]
fn of_the_program() {
    insta::assert_snapshot!(help(&[]));
}

#[test]
fn of_sign() {
    insta::assert_snapshot!(help(&["sign"]));
}

#[test]
fn of_verify() {
    insta::assert_snapshot!(help(&["verify"]));
}

#[test]
fn of_explain() {
    insta::assert_snapshot!(help(&["explain"]));
}

#[test]
fn of_infer() {
    insta::assert_snapshot!(help(&["infer"]));
}

#[test]
fn of_profiles() {
    insta::assert_snapshot!(help(&["profiles"]));
}

#[test]
fn of_guide() {
    insta::assert_snapshot!(help(&["guide"]));
}

#[test]
fn of_vectors() {
    insta::assert_snapshot!(help(&["vectors"]));
}

#[test]
fn of_serve() {
    insta::assert_snapshot!(help(&["serve"]));
}

#[test]
fn of_listen() {
    insta::assert_snapshot!(help(&["listen"]));
}

#[test]
fn of_trigger() {
    insta::assert_snapshot!(help(&["trigger"]));
}

#[test]
fn of_demo() {
    insta::assert_snapshot!(help(&["demo"]));
}

#[test]
fn the_version_is_the_package_s() {
    let ran = run(["--version"]);
    assert_eq!((ran.status, ran.stdout.as_str()), (0, concat!("hookseal ", env!("CARGO_PKG_VERSION"), "\n")));
}

#[test]
fn nothing_asked_for_and_unknown_commands_are_usage_errors() {
    for arguments in
        [&[][..], &["explain"], &["serve", "--store", "postgres://x"], &["listen", "--forward", "http://x/"]]
    {
        let ran = run(arguments);
        assert_eq!((ran.status, ran.stdout.as_str()), (2, ""), "{arguments:?}");
    }
}
