//! Places where a test makes the process die, as if by a kill at that very moment.

/// Ends the process with SIGKILL when the setting `CONFIGMGT_FAIL_POINT` names this place.
///
/// Only builds with the feature `fail-points` do; elsewhere it is nothing.
pub(crate) fn point(name: &str) {
    #[cfg(feature = "fail-points")]
    if configmgt_process::settings::optional("CONFIGMGT_FAIL_POINT").as_deref() == Some(name) {
        // Nothing that the process would do at its end may happen.
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    }
    #[cfg(not(feature = "fail-points"))]
    let _ = name;
}
