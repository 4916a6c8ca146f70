//! The whole main loop, told as it happens: a brand imports, a shopholder recommends, a visitor clicks, a buyer pays, the
//! money is split, held, released, paid out, and in part taken back. Everything goes through the public GraphQL API and
//! the sandbox's pages, as a frontend and a browser would go.

mod api;
mod catalogue;
mod stage;
mod story;
mod teller;

use std::path::PathBuf;

use crate::config::Config;
use stage::Stage;
use teller::Teller;

/// What the demo can be asked for.
#[derive(Debug, Clone, clap::Args)]
pub struct DemoArgs {
    /// Stop after the audit; the exit status tells whether everything held.
    #[arg(long)]
    pub exit: bool,

    /// Import these Shopify product CSVs, a brand each, in place of the built-in catalogue.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub catalog: Vec<PathBuf>,
}

/// Plays the story, audits the books, and stays up for whoever wants to look around.
///
/// # Errors
/// When anything did not go as the story says, or the audit found something.
pub async fn run(config: &Config, args: &DemoArgs) -> anyhow::Result<()> {
    let catalogues = catalogue::read(&args.catalog)?;
    let mut tell = Teller::default();
    let stage = Stage::build(config).await?;
    let told = story::tell(&stage, &catalogues, &mut tell).await;
    let ending = match told {
        Ok(cast) if args.exit => story::farewell(&stage, &cast, &mut tell, false),
        Ok(cast) => match story::farewell(&stage, &cast, &mut tell, true) {
            Ok(()) => stage.live_on().await,
            Err(error) => Err(error),
        },
        Err(error) => Err(error),
    };
    let folder = stage.folder.clone();
    stage.strike().await;
    if args.exit && ending.is_ok() {
        std::fs::remove_dir_all(&folder)?;
    }
    ending
}
