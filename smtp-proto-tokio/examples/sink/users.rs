//! Who may authenticate.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use smtp_proto::sasl::{Credentials, Secret};

/// The mechanisms that a name and a password are enough for.
pub(crate) const MECHANISMS: [&str; 2] = ["PLAIN", "LOGIN"];

/// Names and passwords.
#[derive(Debug, Default)]
pub(crate) struct Users(HashMap<String, Secret>);

/// One of them.
#[derive(Clone, Debug)]
pub(crate) struct User {
    name: String,
    password: Secret,
}

impl core::str::FromStr for User {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(':') {
            Some((name, password)) if !name.is_empty() && !password.is_empty() => {
                Ok(Self { name: name.to_owned(), password: password.into() })
            }
            _ => Err("expected NAME:PASSWORD"),
        }
    }
}

impl Users {
    /// Those of the command line, and those of a file: `NAME:PASSWORD` on each line, except empty ones and those that begin with `#`.
    pub(crate) fn new(users: &[User], file: Option<&Path>) -> Result<Self, String> {
        let mut all = users.to_vec();
        if let Some(file) = file {
            let fault = |fault: String| format!("cannot use {}: {fault}", file.display());
            let lines = fs::read_to_string(file).map_err(|error| fault(error.to_string()))?;
            for (number, line) in (1..).zip(lines.lines()) {
                if !line.is_empty() && !line.starts_with('#') {
                    let user = line.parse::<User>();
                    all.push(user.map_err(|error| fault(format!("line {number}: {error}")))?);
                }
            }
            if all.is_empty() {
                return Err(fault("there is no user in it".to_owned()));
            }
        }
        Ok(Self(all.into_iter().map(|user| (user.name, user.password)).collect()))
    }

    /// The name of the user who proves to be that one; nobody acts for another.
    pub(crate) fn check(&self, credentials: &Credentials) -> Option<String> {
        let Credentials::Plain { authzid, authcid, password } = credentials else {
            return None;
        };
        let own = authzid.as_ref().is_none_or(|authzid| authzid == authcid);
        let known = self.0.get(authcid).is_some_and(|known| known == password);
        (own && known).then(|| authcid.clone())
    }
}
