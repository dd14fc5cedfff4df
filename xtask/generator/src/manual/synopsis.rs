//! SYNOPSIS of a page: from its front matter, or from the source.

use super::facts::Facts;
use super::page::Page;
use crate::decl;
use anyhow::Result;

/// A prototype is broken before this column.
const WIDTH: usize = 72;

/// The lines of the synopsis; a command's is what its page says, and a topic has none.
pub fn lines(page: &Page, facts: &Facts) -> Result<Vec<String>> {
    let mut lines = Vec::new();
    if !page.of_functions() {
        let synopsis = page.synopsis.as_deref().unwrap_or_default();
        return Ok(synopsis.lines().map(str::to_string).collect());
    }
    let functions = page.covers.iter().filter_map(|name| facts.model.function_named(name));
    let functions: Vec<_> = functions.collect();
    if functions.iter().any(|function| function.gnu) {
        lines.push("#define _GNU_SOURCE".into());
    }
    lines.push("#include <liburing.h>".into());
    if let Some(synopsis) = &page.synopsis {
        lines.push(String::new());
        lines.extend(synopsis.lines().map(str::to_string));
    }
    if !functions.is_empty() {
        lines.push(String::new());
    }
    for function in functions {
        let (head, parameters) = decl::signature(function)?;
        let prototype = decl::list(&head, &parameters, ");", WIDTH, "        ");
        lines.extend(prototype.lines().map(str::to_string));
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_prototype_is_broken_between_parameters() {
        let parameters = ["struct io_uring *ring", "const struct iovec *iovecs", "int fds[2]"];
        let parameters = parameters.map(str::to_string);
        assert_eq!(
            decl::list("int io_uring_register_buffers(", &parameters, ");", WIDTH, "        "),
            "int io_uring_register_buffers(struct io_uring *ring,\n        const struct iovec *iovecs, int fds[2]);"
        );
    }
}
