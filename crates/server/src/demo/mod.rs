//! The whole main loop, told as it happens: a brand imports, a shopholder recommends, a visitor clicks, a buyer pays, the
//! money is split, held, released, paid out, and in part taken back. Everything goes through the public GraphQL API and
//! the sandbox's pages, as a frontend and a browser would go.

mod api;
mod books;
mod catalogue;
mod offers;
mod stage;
mod story;
mod teller;

use std::path::PathBuf;

use anyhow::Context as _;

use crate::config::Config;
use catalogue::Catalogue;
use stage::Stage;
use story::Cast;
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
    let mut teller = Teller::default();
    let stage = Stage::build(config).await?;
    let ending = match tell(&stage, &catalogues, &mut teller).await {
        Ok(None) => Ok(()),
        Ok(Some(cast)) if args.exit => story::farewell(&stage, &cast, &mut teller, false),
        Ok(Some(cast)) => match story::farewell(&stage, &cast, &mut teller, true) {
            Ok(()) => stage.live_on().await,
            Err(error) => Err(error),
        },
        Err(error) => Err(error),
    };
    let folder = stage.folder.clone();
    stage.strike().await;
    match ending {
        Ok(()) => std::fs::remove_dir_all(&folder)
            .with_context(|| format!("cannot remove the demo's folder {}", folder.display())),
        Err(error) => Err(error.context(format!(
            "the demo ended early; its database, mails and uploads are kept in {}",
            folder.display()
        ))),
    }
}

/// The story, unless someone asks to stop before its end.
async fn tell(stage: &Stage, catalogues: &[Catalogue], tell: &mut Teller) -> anyhow::Result<Option<Cast>> {
    tokio::select! {
        told = story::tell(stage, catalogues, tell) => told.map(Some),
        stopped = stage::asked_to_stop() => stopped.map(|()| None),
    }
}
