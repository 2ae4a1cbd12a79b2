//! Whom we trust: the certificates that this machine trusts, by rustls with the ring provider.

use rustls::{ClientConfig, RootCertStore};
use std::sync::Arc;

/// Encryption could not be set up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("encryption cannot be set up: {0}")]
pub struct TlsError(String);

/// Settings for every encrypted connection.
///
/// # Errors
/// [`TlsError`] where the provider cannot do what TLS 1.2 and 1.3 need.
pub fn trust_this_machine() -> Result<Arc<ClientConfig>, TlsError> {
    let mut roots = RootCertStore::empty();
    // One that cannot be read is one that is not trusted.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    trust(roots)
}

fn trust(roots: RootCertStore) -> Result<Arc<ClientConfig>, TlsError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = builder.map_err(|error| TlsError(error.to_string()))?.with_root_certificates(roots).with_no_client_auth();
    Ok(Arc::new(config))
}
