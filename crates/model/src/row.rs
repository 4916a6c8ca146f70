//! What every row module repeats: no joins are declared on entities, since queries name their columns themselves.

/// Completes a sea-orm entity that declares no relations.
macro_rules! plain_row {
    () => {
        /// No relations are declared: queries join by column.
        #[derive(Copy, Clone, Debug, sea_orm::EnumIter, sea_orm::DeriveRelation)]
        pub enum Relation {}

        impl sea_orm::ActiveModelBehavior for ActiveModel {}
    };
}
pub(crate) use plain_row;
