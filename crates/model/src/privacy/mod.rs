//! What people have agreed to.

use crate::kinds::kinds;

pub mod consent;

kinds! {
    /// What people are asked to agree to.
    Purpose {
        /// Cookies that count visits.
        StatisticsCookies = "statistics_cookies",
        /// Cookies that follow people for advertisement.
        MarketingCookies = "marketing_cookies",
        /// Letters that advertise.
        MarketingMail = "marketing_mail",
        /// Pages that are made for one person from what she did before.
        Personalization = "personalization",
    }
}
