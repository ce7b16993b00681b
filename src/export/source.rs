//! A bundle on the disk, to be verified: a folder or a ZIP file, read file by file.
//! What makes it good is `crate::bundle::verify`.

use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use zip::ZipArchive;

use crate::bundle::sums::MAX_FILES;
use crate::bundle::verify::BundleFiles;

/// Folders in folders; ours lie one deep.
const MAX_DEPTH: usize = 8;

/// Where the files are.
#[derive(Debug)]
pub enum Source {
    Folder(PathBuf),
    Zip(Box<ZipArchive<BufReader<File>>>),
}

impl Source {
    /// # Errors
    /// When it is not there, or is no ZIP.
    pub fn open(place: &Path) -> io::Result<Self> {
        if place.is_dir() {
            return Ok(Self::Folder(place.to_owned()));
        }
        Ok(Self::Zip(Box::new(ZipArchive::new(BufReader::new(File::open(place)?))?)))
    }
}

impl BundleFiles for Source {
    fn names(&mut self) -> io::Result<Vec<String>> {
        match self {
            Self::Folder(root) => {
                let mut names = Vec::new();
                list(root, "", 0, &mut names)?;
                Ok(names)
            }
            Self::Zip(zip) if zip.has_duplicate_names() => Err(io::Error::other("two files have one name")),
            Self::Zip(zip) if zip.len() > MAX_FILES => Err(io::Error::other("it has too many files")),
            Self::Zip(zip) => {
                zip.file_names().map(|name| Ok(name.map_err(io::Error::other)?.into_owned())).collect()
            }
        }
    }

    fn open<'f>(&'f mut self, name: &str) -> io::Result<Box<dyn Read + 'f>> {
        match self {
            Self::Folder(root) => Ok(Box::new(File::open(root.join(name))?)),
            Self::Zip(zip) => Ok(Box::new(zip.by_name(name)?)),
        }
    }
}

fn list(folder: &Path, before: &str, depth: usize, names: &mut Vec<String>) -> io::Result<()> {
    if depth > MAX_DEPTH || names.len() > MAX_FILES {
        return Err(io::Error::other("it has too many files or folders"));
    }
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = format!("{before}{}", entry.file_name().to_string_lossy());
        // What python leaves behind when it ran here is nobody's change.
        if name == "__pycache__" {
            continue;
        }
        if entry.file_type()?.is_dir() {
            list(&entry.path(), &format!("{name}/"), depth + 1, names)?;
        } else {
            names.push(name);
        }
    }
    Ok(())
}
