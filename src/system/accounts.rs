//! `/etc/passwd` and `/etc/group`, read by ourselves: a static binary has no name service.

use super::host::{Account, IdentityError};
use super::process::Ids;
use std::path::PathBuf;

/// The local accounts and groups, as the two files listed them when they were read.
#[derive(Debug, Clone, Default)]
pub struct Accounts {
    users: Vec<User>,
    groups: Vec<Group>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct User {
    name: String,
    uid: u32,
    gid: u32,
    home: PathBuf,
    shell: PathBuf,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Group {
    name: String,
    gid: u32,
    members: Vec<String>,
}

impl Accounts {
    /// Reads the two files; a missing one counts as empty.
    #[must_use]
    pub fn read() -> Self {
        // The files of a machine that is mounted somewhere are not asked for names.
        if super::below::withheld().is_some() {
            return Self::default();
        }
        let text =
            |path| std::fs::read(path).map_or_else(|_| String::new(), |b| String::from_utf8_lossy(&b).into());
        Self::parse(&text("/etc/passwd"), &text("/etc/group"))
    }

    /// From the text of both files. Lines that do not follow the form are skipped.
    #[must_use]
    pub fn parse(passwd: &str, group: &str) -> Self {
        Self {
            users: passwd.lines().filter_map(parse_user).collect(),
            groups: group.lines().filter_map(parse_group).collect(),
        }
    }

    /// The account of that login name.
    #[must_use]
    pub fn by_name(&self, name: &str) -> Option<Account> {
        self.users.iter().find(|user| user.name == name).map(|user| self.account(user))
    }

    /// The first account of that user id.
    #[must_use]
    pub fn by_uid(&self, uid: u32) -> Option<Account> {
        self.users.iter().find(|user| user.uid == uid).map(|user| self.account(user))
    }

    /// The name of a user id.
    #[must_use]
    pub fn user_name(&self, uid: u32) -> Option<&str> {
        self.users.iter().find(|user| user.uid == uid).map(|user| user.name.as_str())
    }

    /// The name of a group id.
    #[must_use]
    pub fn group_name(&self, gid: u32) -> Option<&str> {
        self.groups.iter().find(|group| group.gid == gid).map(|group| group.name.as_str())
    }

    /// The id of a group.
    #[must_use]
    pub fn group_id(&self, name: &str) -> Option<u32> {
        self.groups.iter().find(|group| group.name == name).map(|group| group.gid)
    }

    /// User and group id of `user`, `user:group`, `1000` or `1000:100`. Without a group: the user's own, which for a
    /// number without an account is the same number.
    ///
    /// # Errors
    /// [`IdentityError::NoAccount`] or [`IdentityError::NoGroup`] where a name is not known.
    pub fn owner(&self, text: &str) -> Result<(u32, u32), IdentityError> {
        let (user, group) = match text.split_once(':') {
            Some((user, group)) => (user, Some(group)),
            None => (text, None),
        };
        let found = self.by_name(user).or_else(|| self.by_uid(user.parse().ok()?));
        let uid = found.as_ref().map(|account| account.ids.uid).or_else(|| user.parse().ok());
        let uid = uid.ok_or_else(|| IdentityError::NoAccount(user.to_owned()))?;
        let gid = match group {
            None => found.map_or(uid, |account| account.ids.gid),
            Some(name) => self
                .group_id(name)
                .or_else(|| name.parse().ok())
                .ok_or_else(|| IdentityError::NoGroup(name.to_owned()))?,
        };
        Ok((uid, gid))
    }

    fn account(&self, user: &User) -> Account {
        let listed =
            self.groups.iter().filter(|group| group.members.contains(&user.name)).map(|group| group.gid);
        let mut groups: Vec<u32> = listed.chain([user.gid]).collect();
        groups.sort_unstable();
        groups.dedup();
        Account {
            name: user.name.clone(),
            ids: Ids { uid: user.uid, gid: user.gid, groups },
            home: user.home.clone(),
            shell: user.shell.clone(),
        }
    }
}

/// `name:x:uid:gid:comment:home:shell`
fn parse_user(line: &str) -> Option<User> {
    let fields: Vec<&str> = line.split(':').collect();
    let [name, _, uid, gid, _, home, shell] = fields.as_slice() else { return None };
    let or = |text: &str, default: &str| PathBuf::from(if text.is_empty() { default } else { text });
    (!name.is_empty()).then_some(())?;
    Some(User {
        name: (*name).to_owned(),
        uid: uid.parse().ok()?,
        gid: gid.parse().ok()?,
        home: or(home, "/"),
        shell: or(shell, "/bin/sh"),
    })
}

/// `name:x:gid:member,member`
fn parse_group(line: &str) -> Option<Group> {
    let fields: Vec<&str> = line.split(':').collect();
    let [name, _, gid, members] = fields.as_slice() else { return None };
    (!name.is_empty()).then_some(())?;
    let members = members.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect();
    Some(Group { name: (*name).to_owned(), gid: gid.parse().ok()?, members })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/bash\n\nann:x:1000:100:Ann,,,:/home/ann:/run/current-system/sw/bin/fish\n\
        bare:x:1001:1001:::\nbroken:x:ten:0::/:/bin/sh\n+::::::\nshort:x:1:1\n";
    const GROUP: &str =
        "root:x:0:\nwheel:x:1:root,ann\nvideo:x:26:ann\nusers:x:100:\n# comment\nbad:x:y:ann\n";

    #[test]
    fn an_account_has_every_group_that_lists_it_and_its_own() {
        let accounts = Accounts::parse(PASSWD, GROUP);
        let ann = accounts.by_name("ann").expect("listed");
        assert_eq!(ann.ids, Ids { uid: 1000, gid: 100, groups: vec![1, 26, 100] });
        assert_eq!(ann.home, PathBuf::from("/home/ann"));
        assert_eq!(accounts.by_uid(1000), Some(ann));
        let bare = accounts.by_uid(1001).expect("listed");
        assert_eq!((bare.home, bare.shell), (PathBuf::from("/"), PathBuf::from("/bin/sh")));
        for name in ["broken", "+", "short", ""] {
            assert_eq!(accounts.by_name(name), None, "{name}");
        }
    }

    #[test]
    fn an_owner_is_names_or_numbers() {
        let accounts = Accounts::parse(PASSWD, GROUP);
        let no_user = |name: &str| Err(IdentityError::NoAccount(name.to_owned()));
        for (text, ids) in [
            ("ann", Ok((1000, 100))),
            ("ann:video", Ok((1000, 26))),
            ("1000", Ok((1000, 100))),
            ("4711", Ok((4711, 4711))),
            ("4711:26", Ok((4711, 26))),
            ("root:wheel", Ok((0, 1))),
            ("nobody-here", no_user("nobody-here")),
            ("", no_user("")),
            (":video", no_user("")),
            ("ann:none", Err(IdentityError::NoGroup("none".to_owned()))),
            ("-1", no_user("-1")),
        ] {
            assert_eq!(accounts.owner(text), ids, "{text}");
        }
        assert_eq!((accounts.user_name(1000), accounts.group_name(26)), (Some("ann"), Some("video")));
    }
}
