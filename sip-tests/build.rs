//! Says whether linphonec is installed: without it its tests are ignored, and are listed as such.

fn main() {
    // The other one comes by pip, wherever there is Python; see `src/softphone.rs`.
    println!("cargo::rustc-check-cfg=cfg(has_baresip)");
    println!("cargo::rustc-cfg=has_baresip");
    println!("cargo::rustc-check-cfg=cfg(has_linphone)");
    println!("cargo::rerun-if-env-changed=PATH");
    // A file that is not there counts as changed, so that an installation is noticed.
    println!("cargo::rerun-if-changed=/usr/bin/linphonec");
    let path = std::env::var_os("PATH").unwrap_or_default();
    if std::env::split_paths(&path).any(|folder| folder.join("linphonec").is_file()) {
        println!("cargo::rustc-cfg=has_linphone");
    } else {
        println!(
            "cargo::warning=linphonec is not installed (Debian: linphone-cli): its tests are ignored"
        );
    }
}
