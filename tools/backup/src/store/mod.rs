//! Where backups are kept: a folder of this machine, or a bucket of an S3 service, both behind [`object_store`].
//!
//! Its interface is asynchronous; the rest of the tool is a straight line from a source to a sink, so the store is
//! wrapped in blocking calls, and only [`Upload`] lets parts travel while the next is filled. Objects appear whole or not at all:
//! in a folder by renaming (with fsync of the file and of the folder), in a bucket by completing the multipart upload.

mod place;
mod transfer;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt};
use object_store::aws::AmazonS3Builder;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ClientOptions, ObjectStore, ObjectStoreExt, PutPayload, RetryConfig};
use tokio::runtime::Runtime;

pub use place::{Location, Place};
pub use transfer::{Download, Upload};

use crate::error::{Error, Result};

/// How long a service may take to accept a connection.
const CONNECT: Duration = Duration::from_secs(10);

/// How long a service may be silent within a request; the sending of a part counts.
const SILENCE: Duration = Duration::from_secs(120);

/// How often a request that failed for no lasting reason is repeated, with growing pauses: for some seconds in all.
const RETRIES: usize = 6;

/// Objects that are read at the same time where many small ones are.
const AT_ONCE: usize = 8;

/// Settings of S3 beyond those of the environment (`AWS_ACCESS_KEY_ID` and so on).
#[derive(clap::Args, Clone, Debug, Default, PartialEq, Eq)]
#[command(
    next_help_heading = "S3 (credentials are taken from AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, ...)"
)]
pub struct S3Options {
    /// URL of a service other than Amazon's; or AWS_ENDPOINT_URL
    #[arg(long, value_name = "URL")]
    pub s3_endpoint: Option<String>,
    /// Region; or AWS_REGION
    #[arg(long, value_name = "NAME")]
    pub s3_region: Option<String>,
}

/// A place that is open. All its objects are beside each other.
pub struct Store {
    runtime: Runtime,
    objects: Arc<dyn ObjectStore>,
    prefix: Path,
    shown: String,
}

/// An object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// Its name within the place.
    pub name: String,
    /// Bytes.
    pub size: u64,
}

impl Store {
    /// Opens a place. A folder is made if it is missing and `create`.
    ///
    /// # Errors
    /// A folder that is none or cannot be made; settings of S3 that make no sense. Whether a bucket can be reached shows later.
    pub fn open(location: &Location, options: &S3Options, create: bool) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .map_err(Error::file("starting a thread"))?;
        let (objects, prefix): (Arc<dyn ObjectStore>, _) = match location {
            Location::Folder(folder) => (Arc::new(open_folder(folder, create)?), Path::default()),
            Location::Bucket { bucket, prefix } => {
                (Arc::new(open_bucket(bucket, options)?), Path::from(prefix.as_str()))
            }
        };
        Ok(Self { runtime, objects, prefix, shown: location.to_string() })
    }

    /// The path or URL of an object.
    pub fn show(&self, name: &str) -> String {
        format!("{}/{name}", self.shown.trim_end_matches('/'))
    }

    fn path(&self, name: &str) -> Path {
        self.prefix.clone().join(name)
    }

    /// Every object of the place, in the order of their names.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn list(&self) -> Result<Vec<Object>> {
        let prefix = (!self.prefix.as_ref().is_empty()).then_some(&self.prefix);
        let listed = self.runtime.block_on(self.objects.list_with_delimiter(prefix));
        let listed = listed.map_err(|error| self.error("listing", "", error))?;
        let name = |path: &Path| path.filename().map(str::to_owned);
        let objects = listed.objects.iter();
        let mut objects: Vec<Object> = objects
            .filter_map(|meta| Some(Object { name: name(&meta.location)?, size: meta.size }))
            .collect();
        objects.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(objects)
    }

    /// Several small objects, each with its name.
    ///
    /// # Errors
    /// [`Error::Store`], for any of them.
    pub fn read_all(&self, names: Vec<String>) -> Result<Vec<(String, Vec<u8>)>> {
        let read = |name: String| async move {
            let bytes = async { self.objects.get(&self.path(&name)).await?.bytes().await }.await;
            match bytes {
                Ok(bytes) => Ok((name, bytes.to_vec())),
                Err(error) => Err(self.error("reading", &name, error)),
            }
        };
        let all = futures_util::stream::iter(names).map(read).buffered(AT_ONCE).try_collect();
        self.runtime.block_on(all)
    }

    /// Whether there is an object of this name.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn has(&self, name: &str) -> Result<bool> {
        match self.runtime.block_on(self.objects.head(&self.path(name))) {
            Ok(_) => Ok(true),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(self.error("looking for", name, error)),
        }
    }

    /// Stores a small object whole.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn write(&self, name: &str, bytes: Vec<u8>) -> Result<()> {
        let path = self.path(name);
        let put = self.objects.put(&path, PutPayload::from(bytes));
        self.runtime.block_on(put).map(drop).map_err(|error| self.error("writing", name, error))
    }

    /// Removes an object.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn delete(&self, name: &str) -> Result<()> {
        let deleted = self.runtime.block_on(self.objects.delete(&self.path(name)));
        deleted.map_err(|error| self.error("removing", name, error))
    }

    /// Begins an object, which is there once it is [completed](Upload::complete).
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn upload(&self, name: &str) -> Result<Upload<'_>> {
        let begun = self.runtime.block_on(self.objects.put_multipart(&self.path(name)));
        let parts = begun.map_err(|error| self.error("writing", name, error))?;
        Ok(Upload::new(self, name.to_owned(), parts))
    }

    /// Begins to read an object.
    ///
    /// # Errors
    /// [`Error::Missing`] when there is none, [`Error::Store`].
    pub fn download(&self, name: &str) -> Result<Download<'_>> {
        let begun = self.runtime.block_on(self.objects.get(&self.path(name)));
        match begun {
            Ok(begun) => Ok(Download::new(self, name.to_owned(), begun)),
            Err(object_store::Error::NotFound { .. }) => {
                Err(Error::Missing(format!("{} is missing", self.show(name))))
            }
            Err(error) => Err(self.error("reading", name, error)),
        }
    }

    /// What went wrong with an object, or with the place if the name is empty.
    fn error(&self, doing: &str, name: &str, error: object_store::Error) -> Error {
        let place = if name.is_empty() { self.shown.clone() } else { self.show(name) };
        Error::Store(format!("{doing} {place}: {}", place::reason(&error)))
    }
}

fn open_folder(folder: &PathBuf, create: bool) -> Result<LocalFileSystem> {
    if create {
        std::fs::create_dir_all(folder).map_err(Error::file(format!("making {}", folder.display())))?;
    }
    match std::fs::metadata(folder) {
        Ok(metadata) if metadata.is_dir() => {}
        Ok(_) => return Err(Error::Address(format!("{} is no folder", folder.display()))),
        Err(error) => return Err(Error::file(folder.display())(error)),
    }
    let store = LocalFileSystem::new_with_prefix(folder).map_err(|error| Error::Store(error.to_string()))?;
    Ok(store.with_fsync(true))
}

fn open_bucket(bucket: &str, options: &S3Options) -> Result<object_store::aws::AmazonS3> {
    // Another part of the process may have chosen one, which then serves as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client =
        ClientOptions::new().with_timeout_disabled().with_connect_timeout(CONNECT).with_read_timeout(SILENCE);
    // The environment's settings of the client come after ours, and win.
    let retry = RetryConfig { max_retries: RETRIES, ..RetryConfig::default() };
    // Objects are removed one by one, which every service knows how to.
    let mut builder =
        AmazonS3Builder::new().with_client_options(client).with_retry(retry).with_disable_bulk_delete(true);
    for (key, value) in std::env::vars().filter(|(key, _)| key.starts_with("AWS_")) {
        if let Ok(key) = key.to_ascii_lowercase().parse() {
            builder = builder.with_config(key, value);
        }
    }
    let named =
        ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"].map(|name| std::env::var(name).ok());
    let endpoint = options.s3_endpoint.clone().or(named.into_iter().flatten().next());
    if let Some(endpoint) = endpoint {
        // Whoever writes http:// means it.
        builder = builder.with_allow_http(endpoint.starts_with("http://")).with_endpoint(endpoint);
    }
    if let Some(region) = &options.s3_region {
        builder = builder.with_region(region);
    }
    let built = builder.with_bucket_name(bucket).build();
    built.map_err(|error| Error::Store(format!("s3://{bucket}: {}", place::reason(&error))))
}
