use std::num::NonZeroU32;

use clap::Args;
use engine::{Params, Task};

use super::OPERATION;

/// What the captions shall be like; what is not given is as the operation has it.
#[derive(Args, Debug)]
#[command(next_help_heading = "Captions")]
pub(super) struct Wording {
    /// Longest caption, in tokens [default: 50]
    #[arg(long, value_name = "N")]
    max_length: Option<NonZeroU32>,

    /// Beams of the search for the likeliest caption [default: 4]
    #[arg(long, value_name = "N")]
    num_beams: Option<NonZeroU32>,

    /// How every caption begins
    #[arg(long, value_name = "TEXT")]
    prompt: Option<String>,
}

impl Wording {
    pub(super) fn task(&self) -> Task {
        let mut params = Params::new();
        let numbers = [
            ("max_length", self.max_length),
            ("num_beams", self.num_beams),
        ];
        for (name, number) in numbers {
            if let Some(number) = number {
                params.insert(name.to_owned(), number.get().into());
            }
        }
        if let Some(prompt) = &self.prompt {
            params.insert("prompt".to_owned(), prompt.as_str().into());
        }
        Task {
            operation_id: OPERATION.to_owned(),
            operation: OPERATION.to_owned(),
            params,
            refused: None,
        }
    }
}
