/// Implements [`Owner`](configmgt_contract::Owner) for a resource that holds its service's [`Journal`](crate::journal::Journal) in the
/// field `journal`: its writes go through it.
#[macro_export]
macro_rules! journaled {
    ($resource:ty) => {
        impl ::configmgt_contract::Owner for $resource {
            type Changes = $crate::journal::Journal;

            fn changes(&self) -> &$crate::journal::Journal {
                &self.journal
            }
        }
    };
}
