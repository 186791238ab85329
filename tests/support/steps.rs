//! The steps of [`RealFiles`](phaseshift::files::RealFiles), for test doubles that change only some.

/// Inside `impl Files`: the methods that are named are those of the real file system.
#[macro_export]
macro_rules! as_on_disk {
    ($($method:ident),+ $(,)?) => {
        $($crate::as_on_disk!(@ $method);)+
    };
    (@ now) => {
        fn now(&self) -> ::chrono::DateTime<::chrono::FixedOffset> {
            ::phaseshift::files::RealFiles.now()
        }
    };
    (@ canonical) => {
        fn canonical(&self, path: &::std::path::Path) -> ::std::io::Result<::std::path::PathBuf> {
            ::phaseshift::files::RealFiles.canonical(path)
        }
    };
    (@ stat) => {
        fn stat(
            &self,
            path: &::std::path::Path,
        ) -> ::std::io::Result<Option<::phaseshift::files::Stat>> {
            ::phaseshift::files::RealFiles.stat(path)
        }
    };
    (@ space) => {
        fn space(
            &self,
            path: &::std::path::Path,
        ) -> ::std::io::Result<::phaseshift::files::Space> {
            ::phaseshift::files::RealFiles.space(path)
        }
    };
    (@ list) => {
        fn list(
            &self,
            folder: &::std::path::Path,
        ) -> ::std::io::Result<Vec<::std::path::PathBuf>> {
            ::phaseshift::files::RealFiles.list(folder)
        }
    };
    (@ read) => {
        fn read(&self, path: &::std::path::Path) -> ::std::io::Result<Vec<u8>> {
            ::phaseshift::files::RealFiles.read(path)
        }
    };
    (@ reader) => {
        fn reader(
            &self,
            path: &::std::path::Path,
        ) -> ::std::io::Result<Box<dyn ::std::io::Read>> {
            ::phaseshift::files::RealFiles.reader(path)
        }
    };
    (@ create) => {
        fn create(
            &self,
            path: &::std::path::Path,
            bytes: &[u8],
            mode: u32,
        ) -> ::std::io::Result<()> {
            ::phaseshift::files::RealFiles.create(path, bytes, mode)
        }
    };
    (@ set_access) => {
        fn set_access(
            &self,
            path: &::std::path::Path,
            like: &::phaseshift::files::Stat,
        ) -> ::std::io::Result<()> {
            ::phaseshift::files::RealFiles.set_access(path, like)
        }
    };
    (@ copy) => { $crate::as_on_disk!(@@ copy, from, to); };
    (@ rename_new) => { $crate::as_on_disk!(@@ rename_new, from, to); };
    (@ rename_over) => { $crate::as_on_disk!(@@ rename_over, from, to); };
    (@ create_folder) => { $crate::as_on_disk!(@@ create_folder, folder); };
    (@ link) => { $crate::as_on_disk!(@@ link, from, to); };
    (@ remove) => { $crate::as_on_disk!(@@ remove, path); };
    (@ sync_file) => { $crate::as_on_disk!(@@ sync_file, path); };
    (@ sync_folder) => { $crate::as_on_disk!(@@ sync_folder, folder); };
    (@@ $method:ident, $($path:ident),+) => {
        fn $method(&self, $($path: &::std::path::Path),+) -> ::std::io::Result<()> {
            ::phaseshift::files::RealFiles.$method($($path),+)
        }
    };
}

/// Takes what tells machines and namespaces apart out of the name of a part file.
pub fn without_realm(name: &str) -> String {
    let mark = format!(".{}-", std::process::id());
    match name.split_once(&mark) {
        Some((start, rest)) => format!("{start}.{}{}", std::process::id(), &rest[8..]),
        None => name.to_owned(),
    }
}
