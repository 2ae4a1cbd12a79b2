//! Files of keys, as `tradewind keys` keeps them.

use crate::node::refused;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use std::path::PathBuf;
use tradewind_node::{CHANCE_BYTES, KeyRing, KeysError};
use tradewind_venues::Credentials;

pub(crate) fn add(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(keys_list, module)?)?;
    module.add_function(wrap_pyfunction!(keys_add, module)?)?;
    module.add_function(wrap_pyfunction!(keys_remove, module)?)
}

fn chance(bytes: &[u8]) -> PyResult<[u8; CHANCE_BYTES]> {
    bytes.try_into().map_err(|_| PyValueError::new_err(format!("{CHANCE_BYTES} bytes of chance are asked for, {} were given", bytes.len())))
}

fn unusable(error: KeysError) -> PyErr {
    refused("keys", &error)
}

/// Accounts of a file, each with the beginning of its key.
#[pyfunction]
fn keys_list(py: Python<'_>, path: PathBuf, password: String) -> PyResult<Vec<(String, String)>> {
    let ring = py.detach(|| KeyRing::open(&path, &password)).map_err(unusable)?;
    Ok(ring.list().map(|(name, key)| (name.to_owned(), key)).collect())
}

/// Adds an account to a file, or replaces it; makes the file where there is none. Whether there was such an account.
#[pyfunction]
fn keys_add(
    py: Python<'_>,
    path: PathBuf,
    password: String,
    name: String,
    key: String,
    secret: String,
    passphrase: String,
    bytes: &[u8],
) -> PyResult<bool> {
    let chance = chance(bytes)?;
    let added = py.detach(|| {
        let mut ring = if path.exists() { KeyRing::open(&path, &password)? } else { KeyRing::default() };
        let was_there = ring.add(&name, Credentials { key, secret, passphrase });
        ring.save(&path, &password, &chance).map(|()| was_there)
    });
    added.map_err(unusable)
}

/// Removes an account from a file. Whether there was such an account.
#[pyfunction]
fn keys_remove(py: Python<'_>, path: PathBuf, password: String, name: String, bytes: &[u8]) -> PyResult<bool> {
    let chance = chance(bytes)?;
    let removed = py.detach(|| {
        let mut ring = KeyRing::open(&path, &password)?;
        let was_there = ring.remove(&name);
        if was_there {
            ring.save(&path, &password, &chance)?;
        }
        Ok(was_there)
    });
    removed.map_err(unusable)
}
