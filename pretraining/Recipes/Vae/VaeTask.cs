using Cones.Models.Imaging;
using Cones.Models.StableDiffusion.Vae;
using Cones.Pretraining.Data;
using Cones.Pretraining.Training;
using Cones.Search;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Pretraining.Recipes.Vae;

/// <summary>Trains an <see cref="AutoencoderKL"/> on pictures of icons.</summary>
sealed class VaeTask : ITrainingTask
{
    const int EvaluationIcons = 64;

    // The weights of the terms beside L1: differences of neighbours, means of 4 x 4 pixels (hues), divergence.
    const double EdgeWeight = 0.5;
    const double MeanWeight = 1;
    const double DivergenceWeight = 4e-4;

    readonly VaeRecipe _recipe;
    readonly TrainingPlan _plan;
    readonly AutoencoderKL _vae;
    readonly IconPictures _pictures;
    readonly int[] _training;
    readonly Tensor _white;
    readonly Tensor _colored;

    /// <summary>The task with a fresh model.</summary>
    public VaeTask(VaeRecipe recipe, TrainingPlan plan, IconPictures pictures)
    {
        (_recipe, _plan, _pictures) = (recipe, plan, pictures);
        _vae = new AutoencoderKL(recipe.Config);
        Initialization.Fill(_vae, plan.Seed, "vae");
        Parts = [new TrainedPart("vae", _vae)];
        _training = pictures.Pack.Select((c, _) => !c.HeldOut);
        var heldOut = pictures.Pack.Select((c, _) => c.HeldOut);
        int[] shown = [.. Enumerable.Range(0, Math.Min(EvaluationIcons, heldOut.Length)).Select(i => heldOut[(int)((long)i * heldOut.Length / Math.Min(EvaluationIcons, heldOut.Length))])];
        _white = Canvas.ToTensor([.. shown.Select(i => pictures.Standard(i, 0))]).DetachFromDisposeScope();
        _colored = Canvas.ToTensor([.. shown.Select((icon, i) => pictures.Standard(icon, 1 + (i % (Colors.Named.Count - 1))))]).DetachFromDisposeScope();
    }

    /// <inheritdoc/>
    public IReadOnlyList<TrainedPart> Parts { get; }

    /// <inheritdoc/>
    public Tensor Loss(long step, Dictionary<string, double> metrics)
    {
        using var scope = NewDisposeScope();
        var pixels = Batch(step);
        var posterior = _vae.Encode(pixels);
        using var generator = new Generator(SeedSequence.Derive(_plan.Seed, "noise", step));
        var decoded = _vae.Decode(posterior.Sample(randn(posterior.Mean.shape, generator: generator)));
        var l1 = Difference(decoded, pixels);
        var edges = Difference(decoded.diff(1, 2), pixels.diff(1, 2)) + Difference(decoded.diff(1, 3), pixels.diff(1, 3));
        var means = Difference(nn.functional.avg_pool2d(decoded, 4), nn.functional.avg_pool2d(pixels, 4));
        var divergence = posterior.KullbackLeibler().mean() / (posterior.Mean.numel() / posterior.Mean.shape[0]);
        metrics["l1"] = l1.item<float>();
        metrics["divergence"] = divergence.item<float>();
        return (l1 + (EdgeWeight * edges) + (MeanWeight * means) + (DivergenceWeight * divergence)).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, double> Evaluate() => new Dictionary<string, double>
    {
        ["psnr_white"] = Psnr(_white),
        ["psnr_colored"] = Psnr(_colored),
    };

    /// <inheritdoc/>
    public void DrawSheet(string path)
    {
        using var scope = NewDisposeScope();
        var shown = _colored.narrow(0, 0, Math.Min(32, _colored.shape[0]));
        var (before, after) = (Sheets.ToImages(shown), Sheets.ToImages(Reconstruct(shown)));
        RgbImage.Grid([.. before.Zip(after).SelectMany(p => new[] { p.First, p.Second })], 8).Save(path);
    }

    /// <inheritdoc/>
    public void Export(string folder)
    {
        using var scope = NewDisposeScope();
        var weights = ModelWriter.Weights(_vae);
        var random = CounterRandom.At(_plan.Seed, "whitening", 0);
        var canvases = new List<Canvas>();
        for (var i = 0; i < 256; i++) canvases.Add(_pictures.Random(random.Pick(_training), PictureRange.Generation, ref random).Picture);
        LatentWhitening.Measure(_vae, Canvas.ToTensor(canvases)).Fold(weights);
        ModelWriter.Save(folder, "diffusion_pytorch_model.safetensors", ModelConfigs.Vae(_recipe.Config, _recipe.Side), weights);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _vae.Dispose();
        _white.Dispose();
        _colored.Dispose();
    }

    static Tensor Difference(Tensor a, Tensor b) => (a - b).abs().mean();

    Tensor Batch(long step)
    {
        var random = CounterRandom.At(_plan.Seed, "pictures", step);
        var canvases = new List<Canvas>();
        for (var i = 0; i < _plan.Batch; i++) canvases.Add(_pictures.Random(random.Pick(_training), PictureRange.Compression, ref random).Picture);
        var pixels = Canvas.ToTensor(canvases);
        if (step >= _recipe.CropPart * _plan.Schedule.Steps) return pixels;
        using (pixels)
        {
            // One window for the whole batch: the pictures differ enough. [B, 3, S, S] -> [B, 3, S/2, S/2]
            var half = _recipe.Side / 2;
            using var window = pixels.narrow(2, random.Below(half + 1), half).narrow(3, random.Below(half + 1), half);
            return window.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2);
        }
    }

    Tensor Reconstruct(Tensor pixels) => _vae.Decode(_vae.Encode(pixels).Mean);

    double Psnr(Tensor pixels)
    {
        using var scope = NewDisposeScope();
        // The range is 2: half of the difference lies in [0, 1].
        var error = ((Reconstruct(pixels).clamp(-1, 1) - pixels) / 2).square().mean([1, 2, 3]); // [B]
        return (-10 * error.log10()).mean().item<float>();
    }
}
