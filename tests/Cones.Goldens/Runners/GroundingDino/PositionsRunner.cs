using Cones.Models.GroundingDino;
using Cones.Models.GroundingDino.Decoder;
using Cones.Models.GroundingDino.Vision;
using Cones.Models.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Goldens.Runners.GroundingDino;

/// <summary>Sine embeddings, masks of levels, reference points and proposals.</summary>
public sealed class PositionsRunner : IGoldenRunner
{
    /// <inheritdoc/>
    public IReadOnlyCollection<string> Kinds => ["grounding-dino-parts-positions"];

    /// <inheritdoc/>
    public void Run(GoldenCase golden, GoldenResult result)
    {
        var dim = golden.Json.GetProperty("d_model").GetInt32();
        var temperature = golden.Json.GetProperty("temperature_image").GetDouble();
        var levels = Levels.Of(golden.Tensors["in.spatial_shapes"]);
        var masks = levels.Select(level => FeatureGrid.Downsample(golden.Tensors["in.pixel_mask"], level)).ToArray();
        for (var l = 0; l < levels.Count; l++)
        {
            result.Check($"out.mask.{l}", masks[l]);
            result.Check($"out.pos.{l}", SinePositions.OfImage(masks[l], dim, temperature).permute(0, 3, 1, 2));
        }

        var ratios = stack(masks.Select(FeatureGrid.ValidRatio), 1);
        result.Check("out.valid_ratios", ratios);
        result.Check("out.encoder_reference_points", FeatureGrid.ReferencePoints(levels, ratios));
        result.Check("out.text_pos", SinePositions.OfText(golden.Tensors["in.position_ids"], dim));
        var references = golden.Tensors["in.reference4"];
        result.Check("out.query_sine4", SinePositions.OfQueries(references, dim / 2));
        result.Check("out.query_sine2", SinePositions.OfQueries(references.narrow(-1, 0, 2), dim / 2));

        var memory = golden.Tensors["in.encoder_memory"];
        var padding = cat([.. masks.Select(m => m.flatten(1))], 1).logical_not();
        var (proposals, usable) = FeatureGrid.Proposals(levels, padding, memory.shape[0], CPU);
        result.Check("out.proposals_logit", proposals);
        using var selection = new QuerySelection(new GroundingDinoConfig { DModel = dim });
        using var checkpoint = Checkpoint.Open(golden.PathOf("module.safetensors"));
        foreach (var (name, weight) in selection.NamedWeights().Where(w => checkpoint.Tensors.ContainsKey(w.Key))) weight.Assign(checkpoint.Read(name));
        result.Check("out.object_query", selection.Objects(memory, usable.logical_not()));
        result.RequireAllOutputs();
    }
}
