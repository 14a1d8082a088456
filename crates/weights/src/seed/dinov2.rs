//! `DINOv2` ViT-B/14 for images of 518×518, as timm's `VisionTransformer` names it.

use super::tensors::Tensors;

const WIDTH: usize = 768;
const LAYERS: usize = 12;
const PATCH: usize = 14;
/// The class token and 37×37 patches.
const TOKENS: usize = 1370;

pub(super) fn vit_b_14() -> Tensors {
    let mut tensors = Tensors::default();
    tensors.add("cls_token", &[1, 1, WIDTH], 0.0, 0.5);
    tensors.add("pos_embed", &[1, TOKENS, WIDTH], 0.0, 0.5);
    let kernel = [WIDTH, 3, PATCH, PATCH];
    tensors.weight("patch_embed.proj.weight", &kernel, 3 * PATCH * PATCH, 1.0);
    tensors.add("patch_embed.proj.bias", &[WIDTH], 0.0, 0.5);
    for layer in 0..LAYERS {
        let block = format!("blocks.{layer}");
        tensors.norm(&format!("{block}.norm1"), WIDTH);
        // Queries and keys of gain 2, or attention would hardly differ from a mean over all tokens.
        tensors.weight(
            format!("{block}.attn.qkv.weight"),
            &[3 * WIDTH, WIDTH],
            WIDTH,
            2.0,
        );
        tensors.add(format!("{block}.attn.qkv.bias"), &[3 * WIDTH], 0.0, 1.0);
        tensors.linear(&format!("{block}.attn.proj"), WIDTH, WIDTH, 0.5);
        tensors.add(format!("{block}.ls1.gamma"), &[WIDTH], 1.0, 0.5);
        tensors.norm(&format!("{block}.norm2"), WIDTH);
        tensors.linear(&format!("{block}.mlp.fc1"), 4 * WIDTH, WIDTH, 1.0);
        tensors.linear(&format!("{block}.mlp.fc2"), WIDTH, 4 * WIDTH, 1.5);
        tensors.add(format!("{block}.ls2.gamma"), &[WIDTH], 1.0, 0.5);
    }
    tensors.norm("norm", WIDTH);
    tensors
}
