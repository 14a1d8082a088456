use std::num::NonZeroUsize;
use std::str::FromStr;
use std::sync::Arc;

use anyhow::Context as _;

use super::question::{Question, Questions};

/// One value of `--tasks`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Weighted {
    weight: f64,
    tasks: Tasks,
}

/// One value of `--beside`.
#[derive(Clone, Debug)]
pub(super) struct Beside {
    pub(super) clients: NonZeroUsize,
    pub(super) tasks: Weighted,
}

#[derive(Clone, Debug, PartialEq)]
enum Tasks {
    Json(String),
    File(String),
}

impl FromStr for Weighted {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // JSON has colons too, but no number before the first of them.
        let weighted = text
            .split_once(':')
            .and_then(|(weight, tasks)| Some((weight.trim().parse::<f64>().ok()?, tasks)));
        let (weight, tasks) = weighted.unwrap_or((1.0, text));
        if !(weight > 0.0 && weight.is_finite()) {
            return Err(format!("the weight {weight} is not above 0"));
        }
        let tasks = match tasks.strip_prefix('@') {
            Some(path) => Tasks::File(path.to_owned()),
            None => Tasks::Json(tasks.to_owned()),
        };
        Ok(Self { weight, tasks })
    }
}

impl FromStr for Beside {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (clients, tasks) = text
            .split_once(':')
            .ok_or("must be a number of clients, a colon and tasks")?;
        let clients = clients
            .parse()
            .map_err(|_| format!("'{clients}' is not a number of clients"))?;
        let tasks = format!("1:{tasks}").parse()?;
        Ok(Self { clients, tasks })
    }
}

impl Tasks {
    fn read(&self) -> anyhow::Result<String> {
        match self {
            Self::Json(json) => Ok(json.clone()),
            Self::File(path) => std::fs::read_to_string(path)
                .with_context(|| format!("cannot read tasks from {path}")),
        }
    }
}

/// What a group of clients asks: for each tasks and image the question, and how often each tasks is drawn.
pub(super) struct Mix {
    /// Each with the sum of the weights up to it.
    choices: Vec<(f64, Vec<Arc<Question>>)>,
}

impl Mix {
    pub(super) fn new(tasks: &[Weighted], questions: &mut Questions) -> anyhow::Result<Self> {
        let mut total = 0.0;
        let mut choices = Vec::new();
        for Weighted { weight, tasks } in tasks {
            total += weight;
            choices.push((total, questions.of_every_image(&tasks.read()?)));
        }
        Ok(Self { choices })
    }

    /// The next question of a client that has asked `turn` before.
    pub(super) fn draw(&self, turn: usize, rng: &mut fastrand::Rng) -> &Arc<Question> {
        let total = self.choices.last().map_or(0.0, |(total, _)| *total);
        let at = rng.f64() * total;
        let chosen = self.choices.partition_point(|(upto, _)| *upto <= at);
        let (_, of_images) = &self.choices[chosen.min(self.choices.len() - 1)];
        &of_images[turn % of_images.len()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weighted(text: &str) -> Weighted {
        text.parse().unwrap()
    }

    #[test]
    fn a_weight_is_told_from_the_colons_of_json() {
        let json = r#"[{"operation_id":"a"}]"#;
        assert_eq!(weighted(json).weight, 1.0);
        assert_eq!(weighted(json).tasks, Tasks::Json(json.to_owned()));
        let three = weighted(&format!("3:{json}"));
        assert_eq!((three.weight, &three.tasks), (3.0, &weighted(json).tasks));
        let file = weighted("0.5:@a:b.json");
        assert_eq!(
            (file.weight, file.tasks),
            (0.5, Tasks::File("a:b.json".into()))
        );
        assert!("0:[]".parse::<Weighted>().is_err() && "-1:[]".parse::<Weighted>().is_err());
    }

    #[test]
    fn background_has_a_number_of_clients() {
        let beside: Beside = "2:[]".parse().unwrap();
        assert_eq!((beside.clients.get(), beside.tasks), (2, weighted("[]")));
        for wrong in ["[]", "0:[]", "x:[]"] {
            assert!(wrong.parse::<Beside>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn tasks_are_drawn_by_weight_and_images_come_in_turn() {
        let folder = tempfile::tempdir().unwrap();
        let images = ["a.png", "b.png"].map(|name| folder.path().join(name));
        for image in &images {
            std::fs::write(image, "x").unwrap();
        }
        let mut questions = Questions::read(&images, false).unwrap();
        let mix = Mix::new(&[weighted("1:[1]"), weighted("3:[2]")], &mut questions).unwrap();
        let mut rng = fastrand::Rng::with_seed(7);
        let names: Vec<_> = (0..4000)
            .map(|turn| mix.draw(turn, &mut rng).name.clone())
            .collect();
        let rare = names.iter().filter(|name| name.ends_with("[1]")).count();
        assert!((900..1100).contains(&rare), "{rare}");
        for (turn, name) in names.iter().enumerate() {
            assert!(name.starts_with(["a.png", "b.png"][turn % 2]), "{name}");
        }
    }
}
