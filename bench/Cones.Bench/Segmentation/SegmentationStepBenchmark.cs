using System.Text.Json.Nodes;
using Cones.Bench.Infrastructure;
using Cones.Data;
using Cones.Data.Masks;
using Cones.Models.Imaging;
using Cones.Models.Layers;
using Cones.Models.Sam;
using Cones.Models.Sam3;
using Cones.Prompts.Segmentation;
using Cones.Tasks.Segmentation;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Bench.Segmentation;

/// <summary>A search step of a segmenter: the loss of one image's objects and the gradient of a concept, with the image's features cached and without.</summary>
sealed class SegmentationStepBenchmark : IBenchmark
{
    const int Slots = 4;

    public string Name => "segmentation-step";

    public string Description => "concept step of the embedded SAM's shape, of SAM ViT-B at 1024 px and of SAM 3 at 1008 px (random weights) [embedded,sam,sam3] [repetitions] [objects]";

    /// <param name="args">Models, separated by commas (all); repetitions (3); objects of the image (8).</param>
    public JsonObject Run(string[] args)
    {
        var models = args.Length > 0 && args[0] != "all" ? args[0].Split(',') : ["embedded", "sam", "sam3"];
        var repetitions = args.Length > 1 ? int.Parse(args[1]) : 3;
        var objects = args.Length > 2 ? int.Parse(args[2]) : 8;
        var result = new JsonObject { ["objects"] = objects, ["slots"] = Slots };
        foreach (var name in models)
        {
            Console.Error.WriteLine(name);
            var figures = name switch
            {
                "embedded" => Sam(SamConfig.FromFile(Path.Combine(EmbeddedModels.Find(EmbeddedModels.Sam), "config.json")), 10 * repetitions, objects),
                "sam" => Sam(SamConfig.Base, repetitions, objects),
                "sam3" => Sam3(repetitions, objects),
                _ => throw new ArgumentException($"'{name}' is not embedded, sam or sam3"),
            };
            if (name != "embedded")
            {
                result[name == "sam" ? "sam_vit_b" : "sam3"] = figures;
                continue;
            }

            foreach (var (key, value) in figures) result[key] = value?.DeepClone();
        }

        return result;
    }

    static JsonObject Sam(SamConfig config, int repetitions, int objects)
    {
        var model = new SamModel(config);
        RandomWeights.Fill(model, 1);
        model.ToChannelsLast();
        using var segmenter = new SamSegmenter(model);
        var flops = new SamFlops(config.Vision);
        return Measure(segmenter, config.Vision.ImageSize, repetitions, objects, flops.Convolution, flops.Gemm, flops.Attention);
    }

    static JsonObject Sam3(int repetitions, int objects)
    {
        var config = new Sam3Config();
        var model = new Sam3Model(config);
        RandomWeights.Fill(model, 1);
        model.ToChannelsLast();
        using var segmenter = new Sam3Segmenter(model, "");
        var flops = new Sam3Flops(config.Vision);
        return Measure(segmenter, config.Vision.Backbone.ImageSize, repetitions, objects, flops.Convolution, flops.Gemm, flops.Attention);
    }

    static JsonObject Measure(ISegmenter segmenter, int side, int repetitions, int objects, double convolution, double gemm, double attention)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(2);
        var pixels = randn([1, 3, side, side], generator: generator);
        var size = new ImageSize(side, side);
        var targets = Targets(segmenter.GridOf(size), side, objects);
        using var prompt = TokensPrompt.Searched([randn([Slots, segmenter.PromptWidth], generator: generator)], segmenter.Device);
        var rows = segmenter.PromptsAreObjects ? new int[objects] : [0];

        MachineReport.Measure();
        IReadOnlyList<Tensor>? features = null;
        var encode = StepTimer.Median(repetitions, () =>
        {
            using var noGrad = no_grad();
            foreach (var level in features ?? []) level.Dispose();
            features = segmenter.EncodeImage(pixels);
        });
        MachineReport.Measure();
        PeakMemory.Reset();
        var step = StepTimer.Median(2 * repetitions, () =>
        {
            using var part = NewDisposeScope();
            var loss = segmenter.Loss(features!, size, prompt.Build(rows), targets);
            var gradient = autograd.grad([loss], [prompt.Parameters[0].Value])[0];
            if (!gradient.isfinite().all().item<bool>()) throw new InvalidOperationException("the gradient is not finite");
        });
        var peak = PeakMemory.Megabytes();
        MachineReport.Measure();
        var convolutionSeconds = convolution / MachineReport.Convolution / 1e9;
        return new JsonObject
        {
            ["pixels"] = side,
            ["concept_cached_s"] = Math.Round(step, 4),
            ["concept_s"] = Math.Round(step + encode, 4),
            ["encode_s"] = Math.Round(encode, 4),
            ["utilisation"] = Math.Round((convolutionSeconds + ((gemm + attention) / MachineReport.Gemm / 1e9)) / encode, 3),
            ["utilisation_without_attention"] = Math.Round((convolutionSeconds + (gemm / MachineReport.Gemm / 1e9)) / encode, 3),
            ["peak_mb"] = Math.Round(peak),
            ["encode_gflop"] = Math.Round((convolution + gemm + attention) / 1e9, 1),
            ["encode_attention_gflop"] = Math.Round(attention / 1e9, 1),
        };
    }

    // Squares in rows.
    static SegmentationTarget[] Targets(MaskGrid grid, int side, int objects) => [.. Enumerable.Range(0, objects).Select(i =>
    {
        var box = new BoundingBox(side * ((i % 4) + 0.2) / 4, side * ((i / 4 % 4) + 0.2) / 4, side * 0.15, side * 0.15);
        return new SegmentationTarget(0, box, MaskPatch.Of(Cones.Data.Masks.Segmentation.FromBox(box).ToMask(side, side), grid)) { Prompt = box };
    })];
}
