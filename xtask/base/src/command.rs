//! Commands, written as they are typed in a shell.

/// A command: a text that is split at spaces, then arguments that are not.
///
/// `command!("tar -xf", archive, "-C", folder)`
#[macro_export]
macro_rules! command {
    ($words:literal $(, $arg:expr)* $(,)?) => {{
        let mut words = $words.split(' ');
        let mut command = std::process::Command::new(words.next().unwrap_or_default());
        command.args(words);
        $(command.arg($arg);)*
        command
    }};
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    #[test]
    fn words_are_split_and_arguments_are_not() {
        let command = command!("tar -xf", Path::new("an archive"), "-C", String::from("a"));
        assert_eq!(command.get_program(), "tar");
        assert!(command.get_args().eq(["-xf", "an archive", "-C", "a"]));
    }
}
