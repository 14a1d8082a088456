use std::fs::Permissions;
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// Writes a caption, whole or not at all: to a temporary file in the same folder, which is then renamed. `false` if the
/// file has appeared meanwhile and is not to be replaced.
///
/// A link at `path` is replaced itself; where it leads nothing changes. The folder is not synced: a name that a power
/// failure takes back is written again by the next run.
pub(super) fn write(path: &Path, caption: &str, replace: bool) -> io::Result<bool> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new()
        .prefix(".caption-")
        .suffix(".tmp")
        // What any new file gets; the umask is taken off it.
        .permissions(Permissions::from_mode(0o666))
        .tempfile_in(folder)?;
    writeln!(file, "{caption}")?;
    file.as_file().sync_all()?;
    let named = if replace {
        file.persist(path)
    } else {
        file.persist_noclobber(path)
    };
    match named {
        Ok(_) => Ok(true),
        Err(failed) if !replace && failed.error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(failed) => Err(failed.error),
    }
}

/// Whether the next file would fail in the same way, and its caption be made for nothing.
pub(super) fn concerns_all(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::ReadOnlyFilesystem
    )
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_caption_is_a_line_and_nothing_else_stays_in_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        assert!(write(&path, "a cat — on a mat", false).unwrap());
        assert_eq!(fs::read_to_string(&path).unwrap(), "a cat — on a mat\n");
        assert!(!write(&path, "another", false).unwrap());
        assert_eq!(fs::read_to_string(&path).unwrap(), "a cat — on a mat\n");
        assert!(write(&path, "another", true).unwrap());
        assert_eq!(fs::read_to_string(&path).unwrap(), "another\n");
        assert_eq!(names(folder.path()), ["a.txt"]);
    }

    #[test]
    fn a_failed_write_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        fs::create_dir(&path).unwrap();
        write(&path, "a cat", true).unwrap_err();
        assert_eq!(names(folder.path()), ["a.txt"]);
        write(&folder.path().join("gone/a.txt"), "a cat", true).unwrap_err();
    }

    #[test]
    fn a_link_is_replaced_and_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (path, outside) = (folder.path().join("a.txt"), folder.path().join("notes"));
        fs::write(&outside, "mine").unwrap();
        symlink(&outside, &path).unwrap();
        assert!(!write(&path, "a cat", false).unwrap());
        assert!(write(&path, "a cat", true).unwrap());
        assert!(fs::symlink_metadata(&path).unwrap().is_file());
        assert_eq!(fs::read_to_string(&outside).unwrap(), "mine");
    }

    #[test]
    fn permissions_are_those_of_any_new_file() {
        let folder = tempfile::tempdir().unwrap();
        let (path, other) = (folder.path().join("a.txt"), folder.path().join("b.txt"));
        write(&path, "a cat", false).unwrap();
        fs::write(&other, "").unwrap();
        let mode = |path| fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&path), mode(&other));
    }
}
