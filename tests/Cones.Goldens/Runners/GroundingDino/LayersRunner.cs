using System.Text.Json;
using Cones.Models.GroundingDino;
using Cones.Models.GroundingDino.Decoder;
using Cones.Models.GroundingDino.Encoder;
using Cones.Models.GroundingDino.Vision;
using Cones.Models.Layers;
using Cones.Models.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Goldens.Runners.GroundingDino;

/// <summary>An encoder layer, its parts and a decoder layer alone, with frozen and with trainable weights.</summary>
public sealed class LayersRunner : IGoldenRunner
{
    /// <inheritdoc/>
    public IReadOnlyCollection<string> Kinds => ["grounding-dino-parts-layers"];

    /// <inheritdoc/>
    public void Run(GoldenCase golden, GoldenResult result)
    {
        var config = Config(golden.Json.GetProperty("config"));
        using var encoder = Load(golden, new EncoderLayer(config), "encoder_layer.safetensors");
        using var decoder = Load(golden, new DecoderLayer(config), "decoder_layer.safetensors");
        foreach (var trainable in (bool[])[false, true])
        {
            encoder.SetRequiresGrad(trainable);
            decoder.SetRequiresGrad(trainable);
            CheckEncoder(golden, result, encoder, config);
            CheckDecoder(golden, result, decoder);
        }

        result.RequireAllOutputs();
    }

    static void CheckEncoder(GoldenCase golden, GoldenResult result, EncoderLayer layer, GroundingDinoConfig config)
    {
        var (visionPadding, textPadding) = (golden.Tensors["in.vision_padding"].ne(0), golden.Tensors["in.text_padding"].ne(0));
        var textContext = new TextContext(
            SinePositions.OfText(golden.Tensors["in.position_ids"], config.DModel), textPadding,
            AttentionBias.From(golden.Tensors["in.text_self_attention_masks"].ne(0).unsqueeze(1), ScalarType.Float32));
        var visionContext = new VisionContext(
            golden.Tensors["in.vision_pos"], visionPadding, golden.Tensors["in.encoder_reference_points"], Levels.Of(golden.Tensors["in.spatial_shapes"]));

        Check("fusion", (vision, text) => layer.Fusion.Forward(vision, text, visionPadding, textPadding));
        Check("enhancer", (_, text) => (null, layer.TextEnhancer.Forward(text, textContext.Positions, textContext.SelfAttentionBias)));
        Check("encoder_layer", (vision, text) => layer.Forward(vision, text, visionContext, textContext));

        void Check(string part, Func<Tensor, Tensor, (Tensor? Vision, Tensor Text)> forward)
        {
            var (vision, text) = (golden.Tensors["in.vision"].detach().requires_grad_(), golden.Tensors["in.text"].detach().requires_grad_());
            var (visionOut, textOut) = forward(vision, text);
            var scalar = (textOut * golden.Tensors["in.cotangent.text"]).sum();
            if (visionOut is not null) scalar = scalar + (visionOut * golden.Tensors["in.cotangent.vision"]).sum();
            result.Check($"out.{part}.text", textOut);
            if (visionOut is not null) result.Check($"out.{part}.vision", visionOut);
            var gradients = autograd.grad([scalar], visionOut is null ? [text] : [text, vision]);
            result.Check($"grad.{part}.text", gradients[0]);
            if (visionOut is not null) result.Check($"grad.{part}.vision", gradients[1]);
        }
    }

    static void CheckDecoder(GoldenCase golden, GoldenResult result, DecoderLayer layer)
    {
        var (query, text, vision) = (Leaf("in.dec.query"), Leaf("in.text"), Leaf("in.vision"));
        var memory = new DecoderMemory(
            vision, golden.Tensors["in.vision_padding"].ne(0), Levels.Of(golden.Tensors["in.spatial_shapes"]), text,
            AttentionBias.From(golden.Tensors["in.text_padding"].eq(0).unsqueeze(1).unsqueeze(1), ScalarType.Float32));
        var output = layer.Forward(query, golden.Tensors["in.dec.query_pos"], golden.Tensors["in.dec.reference4"], memory);
        result.Check("out.dec.output", output);
        var gradients = autograd.grad([(output * golden.Tensors["in.dec.cotangent"]).sum()], [query, text, vision]);
        result.Check("grad.dec.query", gradients[0]);
        result.Check("grad.dec.text", gradients[1]);
        result.Check("grad.dec.vision", gradients[2]);

        Tensor Leaf(string name) => golden.Tensors[name].detach().requires_grad_();
    }

    static TModule Load<TModule>(GoldenCase golden, TModule module, string file)
        where TModule : Module
    {
        using var checkpoint = Checkpoint.Open(golden.PathOf(file));
        ModelLoader.Load(module, checkpoint);
        return module;
    }

    static GroundingDinoConfig Config(JsonElement json)
    {
        return new GroundingDinoConfig
        {
            DModel = Int("d_model"),
            EncoderAttentionHeads = Int("encoder_attention_heads"),
            DecoderAttentionHeads = Int("decoder_attention_heads"),
            EncoderFfnDim = Int("encoder_ffn_dim"),
            DecoderFfnDim = Int("decoder_ffn_dim"),
            EncoderPoints = Int("encoder_n_points"),
            DecoderPoints = Int("decoder_n_points"),
            NumFeatureLevels = Int("levels"),
            ActivationFunction = json.GetProperty("activation").GetString()!,
            LayerNormEps = json.GetProperty("layer_norm_eps").GetDouble(),
        };

        int Int(string name) => json.GetProperty(name).GetInt32();
    }
}
