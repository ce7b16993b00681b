//! Pictures that applicants send: taken for what their content is, measured before they are unpacked, and made small for
//! showing, without what the camera wrote into them. The original is kept as it came.

use super::super::cases::image::Pictures;
use super::super::error::ApiError;
use crate::digest::Sha256;
use crate::picture::Kind;

/// A photo of a telephone's camera has 2 to 6 MiB.
pub(in crate::web) const MAX_BYTES: usize = 10 * 1024 * 1024;

/// A picture that can be kept and shown.
#[derive(Clone)]
pub(in crate::web) struct Checked {
    pub(in crate::web) content_type: &'static str,
    pub(in crate::web) original: Vec<u8>,
    pub(in crate::web) sha256: Sha256,
    /// JPEG.
    pub(in crate::web) shown: Vec<u8>,
    pub(in crate::web) shown_sha256: Sha256,
}

impl std::fmt::Debug for Checked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Checked").field("sha256", &self.sha256).finish_non_exhaustive()
    }
}

/// Checks in its turn, off the async threads.
pub(in crate::web) async fn check(turns: &Pictures, bytes: Vec<u8>) -> Result<Checked, ApiError> {
    let kind = Kind::sniff(&bytes).map_err(|why| ApiError::UnsupportedMediaType(why.to_string()))?;
    let (picture, original) = turns.examine(kind, bytes).await?;
    Ok(Checked {
        content_type: kind.content_type(),
        sha256: Sha256::of(&original),
        shown_sha256: Sha256::of(&picture.display),
        original,
        shown: picture.display,
    })
}
