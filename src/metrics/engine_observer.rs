use std::time::Duration;

use engine::{Lookup, Model, Observer};

use super::Metrics;

impl Observer for Metrics {
    fn waited(&self, model: Model, time: Duration) {
        let seconds = self.wait_seconds.with_label_values(&[model.name()]);
        seconds.observe(time.as_secs_f64());
    }

    fn ran(&self, model: Model, inputs: u64, time: Duration) {
        let name = &[model.name()];
        let batch = self.batch_inputs.with_label_values(name);
        batch.observe(inputs as f64);
        let seconds = self.run_seconds.with_label_values(name);
        seconds.observe(time.as_secs_f64());
    }

    fn looked_up(&self, lookup: Lookup) {
        self.lookups.with_label_values(&[lookup.name()]).inc();
    }
}
