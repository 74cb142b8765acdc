//! Letters on the disk: whole or absent, in each mailbox or in none.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::office::{Office, files_below, root};
use crate::support::{Scratch, code};

fn inode(office: &Office, mailbox: &str, file: &str) -> u64 {
    let path = office.root().join("mailboxes").join(mailbox).join("new").join(file);
    fs::metadata(path).expect("it is there").ino()
}

/// Where letters lie, as `mailbox/part`.
fn places(root: &Path) -> Vec<String> {
    let files = files_below(root);
    let place = |file: &PathBuf| file.parent().expect("a folder").to_string_lossy().into_owned();
    files.iter().map(place).collect()
}

#[test]
fn a_letter_to_several_mailboxes_is_one_file_under_several_names() {
    let root = root();
    let office = Office::open(root.path(), &[]);
    let to = ["bob@localhost", "alice@localhost", "Bob+x@localhost", "postmaster", "bob@localhost"];
    assert_eq!(code(&office.post("", &to, "hello\r\n")), "250");
    let mailboxes = ["alice@localhost", "bob@localhost", "postmaster@localhost"];
    let letters = mailboxes.map(|mailbox| office.letters(mailbox));
    assert_eq!(letters[0].len(), 1);
    assert!(letters.iter().all(|letter| *letter == letters[0]));
    let file = &letters[0][0].file;
    let inodes = mailboxes.map(|mailbox| inode(&office, mailbox, file));
    assert_eq!(inodes, [inodes[0]; 3]);
    assert_eq!(places(root.path()), mailboxes.map(|mailbox| format!("mailboxes/{mailbox}/new")));
}

#[test]
fn letters_and_folders_are_for_their_owner_alone() {
    let root = root();
    let office = Office::open(&root.path().join("new/folders"), &[]);
    office.post("", &["bob@localhost"], "hello\r\n");
    let mailbox = office.root().join("mailboxes/bob@localhost");
    let letter = mailbox.join("new").join(&office.letters("bob@localhost")[0].file);
    let mode = |path: &Path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    assert_eq!(mode(&letter), 0o600);
    assert_eq!((mode(&mailbox), mode(&mailbox.join("cur"))), (0o700, 0o700));
}

#[test]
fn a_letter_that_does_not_end_leaves_nothing() {
    let root = root();
    let office = Office::open(root.path(), &["--max-size", "200000"]);
    let begun = |content: &str| {
        let mut client = office.client();
        client.begin_letter();
        client.write(content.as_bytes()).expect("it reads");
        client
    };
    let mut big = begun(&"hello\r\n".repeat(30_000));
    assert_eq!(big.say("."), "552 5.3.4 Message too big");
    let mut bare = begun("hello\nworld\r\n");
    assert_eq!(code(&bare.say(".")), "550");
    let gone = begun(&"hello\r\n".repeat(20_000));
    drop(gone);
    let mut other = office.client();
    other.begin_letter();
    assert_eq!(code(&other.say("hello\r\n.")), "250");
    other.say("QUIT");
    office.terminate();
    assert!(office.ended().0.success());
    assert_eq!(places(root.path()), ["mailboxes/bob@localhost/new"]);
}

#[test]
fn newlines_are_normalised_where_it_is_asked_for() {
    let root = root();
    let office = Office::open(root.path(), &["--newlines", "normalise"]);
    assert_eq!(code(&office.post("", &["bob@localhost"], "a\nb\rc\r\n")), "250");
    assert_eq!(office.letter("bob@localhost"), "a\r\nb c\r\n");
}

#[test]
fn a_fault_in_one_mailbox_keeps_the_letter_out_of_all() {
    let root = root();
    let office = Office::open(root.path(), &[]);
    // The last one in the order of delivery.
    let new = root.path().join("mailboxes/postmaster@localhost/new");
    fs::rename(&new, new.with_extension("away")).expect("it is there");
    let to = ["alice@localhost", "bob@localhost", "postmaster"];
    let reply = office.post("", &to, "hello\r\n");
    assert_eq!(reply, "451 4.3.0 Local error in processing");
    assert_eq!(places(root.path()), [""; 0]);
    fs::rename(new.with_extension("away"), &new).expect("it is there");
    assert_eq!(code(&office.post("", &to, "hello\r\n")), "250");
    assert_eq!(places(root.path()).len(), 3);
}

#[test]
fn what_a_killed_office_left_is_put_right() {
    let root = root();
    Office::open(root.path(), &[]).kill();
    let put = |path: &str| {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("it can be made");
        fs::write(path, "Return-Path: <>\r\nReceived: from a by b; c\r\nhello\r\n")
            .expect("it can be written");
    };
    put("mailboxes/bob@localhost/tmp/1.M1P1Q1.localhost");
    put("mailboxes/carol@localhost/tmp/half");
    put("outgoing/.1.eml");
    put("outgoing/2.json");
    put("outgoing/3.json");
    put("outgoing/3.eml");
    // Not yet sorted: it was never delivered.
    put("sorting/.4.M4P4Q4.localhost/bob@localhost");
    // Sorted into alice's mailbox already, and not yet into these, one of which is no more.
    put("mailboxes/alice@localhost/new/5.M5P5Q5.localhost");
    put("sorting/5.M5P5Q5.localhost/bob@localhost");
    put("sorting/5.M5P5Q5.localhost/dave@localhost");
    let office = Office::open(root.path(), &[]);
    let files = files_below(root.path());
    let files: Vec<_> = files.iter().map(|file| file.to_str().expect("text")).collect();
    assert_eq!(
        files,
        [
            "mailboxes/alice@localhost/new/5.M5P5Q5.localhost",
            "mailboxes/bob@localhost/new/5.M5P5Q5.localhost",
            "mailboxes/dave@localhost/new/5.M5P5Q5.localhost",
            "outgoing/3.eml",
            "outgoing/3.json",
        ]
    );
    assert_eq!(fs::read_dir(root.path().join("sorting")).expect("it is there").count(), 0);
    assert_eq!(code(&office.post("", &["bob@localhost"], "hello\r\n")), "250");
}

/// A file system of 1 MiB; `None`, and one plain line, where this user may not mount one.
struct SmallDisk(Scratch);

impl SmallDisk {
    fn mount() -> Option<Self> {
        let folder = root();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"]).arg(folder.path());
        if mount.status().is_ok_and(|status| status.success()) {
            return Some(Self(folder));
        }
        assert!(
            std::env::var_os("CI").is_none_or(|ci| ci != "true"),
            "no file system can be mounted"
        );
        eprintln!("skipped: no file system can be mounted");
        None
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

#[test]
fn a_full_disk_is_452_and_nothing_is_half_delivered() {
    let Some(disk) = SmallDisk::mount() else {
        return;
    };
    let office = Office::open(disk.0.path(), &[]);
    let letter = |octets: usize| {
        format!("Subject: x\r\n\r\n{}", "x".repeat(62) + "\r\n")
            .replace(&"x".repeat(62), &vec!["x".repeat(62); octets / 64].join("\r\n"))
    };
    let to = ["alice@localhost", "bob@localhost"];
    assert_eq!(code(&office.post("", &to, &letter(400_000))), "250");
    // It does not fit when it is written, nor when it is spilled.
    for octets in [2_000_000, 700_000, 650_000] {
        assert_eq!(office.post("", &to, &letter(octets)), "452 4.3.1 No space for the message");
    }
    assert_eq!(
        places(disk.0.path()),
        ["mailboxes/alice@localhost/new", "mailboxes/bob@localhost/new"]
    );
    // Small letters until the disk is full to the last octet, then one that fits again.
    let mut delivered = 1;
    while code(&office.post("", &to, &letter(30_000))) == "250" {
        delivered += 1;
    }
    assert_eq!(office.post("", &to, &letter(30_000)), "452 4.3.1 No space for the message");
    for mailbox in to {
        let letters = office.letters(mailbox);
        assert_eq!(letters.len(), delivered);
        assert!(letters.iter().all(|letter| letter.text().ends_with("x\r\n")));
    }
    for mailbox in to {
        let new = disk.0.path().join("mailboxes").join(mailbox).join("new");
        let first = &office.letters(mailbox)[0].file;
        fs::remove_file(new.join(first)).expect("it is there");
    }
    assert_eq!(code(&office.post("", &to, &letter(30_000))), "250");
}
