//! `OpenAI`'s CLIP vision transformers, both towers, as `open_clip`'s `CLIP` names them.

use super::tensors::Tensors;

/// The sizes that tell one variant from another.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clip {
    embed: usize,
    image: usize,
    patch: usize,
    vision: Tower,
    text: Tower,
}

#[derive(Debug, Clone, Copy)]
struct Tower {
    layers: usize,
    width: usize,
}

const BASE: Clip = Clip {
    embed: 512,
    image: 224,
    patch: 32,
    vision: Tower {
        layers: 12,
        width: 768,
    },
    text: Tower {
        layers: 12,
        width: 512,
    },
};
pub(super) const VIT_B_32: Clip = BASE;
pub(super) const VIT_B_16: Clip = Clip { patch: 16, ..BASE };
pub(super) const VIT_L_14: Clip = Clip {
    embed: 768,
    patch: 14,
    vision: Tower {
        layers: 24,
        width: 1024,
    },
    text: Tower {
        layers: 12,
        width: 768,
    },
    ..BASE
};
pub(super) const VIT_L_14_336: Clip = Clip {
    image: 336,
    ..VIT_L_14
};

const CONTEXT: usize = 77;
const VOCABULARY: usize = 49_408;

impl Clip {
    pub(super) fn tensors(self) -> Tensors {
        let mut tensors = Tensors::default();
        self.visual(&mut tensors);
        self.textual(&mut tensors);
        // Upstream's is ln 100.
        tensors.add("logit_scale", &[], 4.6, 0.1);
        tensors
    }

    fn visual(self, tensors: &mut Tensors) {
        let (width, side) = (self.vision.width, self.image / self.patch);
        tensors.add("visual.class_embedding", &[width], 0.0, 0.5);
        tensors.add(
            "visual.positional_embedding",
            &[side * side + 1, width],
            0.0,
            0.5,
        );
        tensors.weight(
            "visual.conv1.weight",
            &[width, 3, self.patch, self.patch],
            3 * self.patch * self.patch,
            1.0,
        );
        tensors.norm("visual.ln_pre", width);
        self.vision.blocks(tensors, "visual.transformer");
        tensors.norm("visual.ln_post", width);
        tensors.weight("visual.proj", &[width, self.embed], width, 1.0);
    }

    fn textual(self, tensors: &mut Tensors) {
        let width = self.text.width;
        tensors.add("token_embedding.weight", &[VOCABULARY, width], 0.0, 1.0);
        tensors.add("positional_embedding", &[CONTEXT, width], 0.0, 0.5);
        self.text.blocks(tensors, "transformer");
        tensors.norm("ln_final", width);
        tensors.weight("text_projection", &[width, self.embed], width, 1.0);
    }
}

impl Tower {
    fn blocks(self, tensors: &mut Tensors, transformer: &str) {
        let width = self.width;
        for layer in 0..self.layers {
            let block = format!("{transformer}.resblocks.{layer}");
            tensors.norm(&format!("{block}.ln_1"), width);
            // Queries and keys of gain 2, or attention would hardly differ from a mean over all tokens.
            let (in_proj, inputs) = (format!("{block}.attn.in_proj"), [3 * width, width]);
            tensors.weight(format!("{in_proj}_weight"), &inputs, width, 2.0);
            tensors.add(format!("{in_proj}_bias"), &[3 * width], 0.0, 1.0);
            tensors.linear(&format!("{block}.attn.out_proj"), width, width, 0.5);
            tensors.norm(&format!("{block}.ln_2"), width);
            tensors.linear(&format!("{block}.mlp.c_fc"), 4 * width, width, 1.0);
            tensors.linear(&format!("{block}.mlp.c_proj"), width, 4 * width, 1.5);
        }
    }
}
