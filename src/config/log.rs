use clap::{Args, ValueEnum};

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// What is logged to standard error.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Logging")]
pub struct LogSettings {
    /// Form of the log lines
    #[arg(
        long,
        env = "IMAGE_EMBED_LOG_FORMAT",
        default_value = "text",
        global = true
    )]
    pub log_format: LogFormat,

    /// Which lines are written: error, warn, info, debug, trace, or a tracing filter such as `info,image_embed=debug`
    #[arg(
        long,
        env = "IMAGE_EMBED_LOG",
        default_value = "info",
        value_name = "FILTER",
        global = true
    )]
    pub log: String,
}
