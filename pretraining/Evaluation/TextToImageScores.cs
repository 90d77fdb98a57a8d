using System.Text.Json.Nodes;
using Cones.Evaluation;
using Cones.Models.Clip;
using Cones.Models.Imaging;
using Cones.Models.StableDiffusion.Pipelines;
using Cones.Models.StableDiffusion.Schedulers;
using Cones.Models.StableDiffusion.UNet;
using Cones.Models.Tokenizers;
using Cones.Pretraining.Data;
using Cones.Pretraining.Recipes.Clip;
using Cones.Search;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Pretraining.Evaluation;

/// <summary>
/// Scores of a text-to-image folder: whether a CLIP reads the right name (of 100) off generated pictures, how far they are from
/// real ones, how well the autoencoder keeps held-out icons, and the loss on held-out ones.
/// </summary>
/// <param name="model">The folder.</param>
/// <param name="judge">The judge.</param>
/// <param name="judgeTokenizer">Its tokenizer.</param>
/// <param name="judgePixels">The pixels that it takes.</param>
/// <param name="pack">The drawings.</param>
/// <param name="groups">The groups of concepts.</param>
sealed class TextToImageScores(
    StableDiffusionPipeline model, ClipFeatureExtractor judge, ClipTokenizer judgeTokenizer, ClipPixels judgePixels, IconPack pack, IReadOnlyList<string> groups)
{
    const int Names = 100;
    const int Chunk = 25;
    const int Samples = 128;

    static readonly string[] s_styles = ["twemoji", "fluent-3d"];

    readonly IconPictures _pictures = new(pack, model.DefaultSize);

    /// <summary>Computes the scores; generated pictures go into <paramref name="sheet"/>.</summary>
    public JsonObject Compute(List<RgbImage> sheet)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var seen = Icons(heldOut: false, Names);
        var heldOut = Icons(heldOut: true, Samples);
        var (r1, kid) = Generated(seen, sheet);
        return new JsonObject
        {
            ["names"] = seen.Length,
            ["generated_r1"] = Math.Round(r1, 4),
            ["real_r1"] = Math.Round(Retrieved(Features(Standard(seen)), Texts(seen)), 4),
            ["kid"] = Math.Round(kid, 5),
            ["vae_psnr_heldout"] = Math.Round(Psnr(Standard(heldOut)), 2),
            ["v_loss_seen"] = Math.Round(Loss(Icons(heldOut: false, Samples), "seen"), 4),
            ["v_loss_heldout"] = Math.Round(Loss(heldOut, "heldout"), 4),
        };
    }

    // One drawing of each of evenly spaced concepts, styles in turn.
    int[] Icons(bool heldOut, int count)
    {
        int[][] all = [.. pack.Select((c, style) => c.HeldOut == heldOut && groups.Contains(c.Group) && s_styles.Contains(style)).GroupBy(i => pack.Icons[i].Concept).OrderBy(g => g.Key).Select(g => g.ToArray())];
        count = Math.Min(count, all.Length);
        return [.. Enumerable.Range(0, count).Select(i => all[(int)((long)i * all.Length / count)] is var icons ? icons[i % icons.Length] : 0)];
    }

    static int Background(int position) => position % Colors.Named.Count;

    string Caption(int icon, int position) => Captions.Full(pack.Icons[icon].Style, Name(icon), Colors.Named[Background(position)].Name);

    string Name(int icon) => pack.Concepts[pack.Icons[icon].Concept].Name;

    Tensor Standard(int[] icons) => Canvas.ToTensor([.. icons.Select((icon, i) => _pictures.Standard(icon, Background(i)))]); // [N, 3, H, W]

    (double Retrieval, double Distance) Generated(int[] icons, List<RgbImage> sheet)
    {
        var pixels = new List<Tensor>();
        for (var first = 0; first < icons.Length; first += Chunk)
        {
            string[] prompts = [.. icons.Skip(first).Take(Chunk).Select((icon, i) => Caption(icon, first + i))];
            using var result = model.Generate(prompts, options: new GenerationOptions { Steps = 20, GuidanceScale = 3, Seeds = [(ulong)(1 + first)], Scheduler = Solver() });
            sheet.AddRange(result.ToRgbImages());
            pixels.Add((result.Images.to(ScalarType.Float32).permute(0, 3, 1, 2) / 127.5) - 1); // [B, H, W, 3] -> [B, 3, H, W]
        }

        var all = cat(pixels, 0);
        return (Retrieved(Features(all), Texts(icons)), KernelDistance.Unbiased(Features(Standard(icons), normalize: false), Features(all, normalize: false)));
    }

    SchedulerConfig Solver() => SchedulerConfig.For("DPMSolverMultistepScheduler", new JsonObject
    {
        ["beta_start"] = model.Scheduler.BetaStart,
        ["beta_end"] = model.Scheduler.BetaEnd,
        ["beta_schedule"] = "scaled_linear",
        ["prediction_type"] = "v_prediction",
        ["steps_offset"] = 1,
    });

    Tensor Features(Tensor pixels, bool normalize = true) => judge.Images(judgePixels.Normalize(pixels), normalize);

    Tensor Texts(int[] icons) => judge.Texts(judgeTokenizer.TokenizeBatch([.. icons.Select(i => Captions.Plain(Name(i)))]).Ids());

    static double Retrieved(Tensor images, Tensor texts) =>
        images.matmul(texts.t()).argmax(1).eq(arange(images.shape[0])).to(ScalarType.Float32).mean().item<float>();

    double Psnr(Tensor pixels)
    {
        var decoded = model.Vae.Decode(model.Vae.Encode(pixels).Mean).clamp(-1, 1);
        return (-10 * ((decoded - pixels) / 2).square().mean([1, 2, 3]).log10()).mean().item<float>();
    }

    // Comparable between models of the same autoencoder only.
    double Loss(int[] icons, string name)
    {
        using var scope = NewDisposeScope();
        using var schedule = new NoiseSchedule(model.Scheduler);
        using var generator = new Generator(SeedSequence.Derive(0, $"scores.{name}"));
        var latents = model.Vae.Scale(model.Vae.Encode(Standard(icons)).Mean);
        var timesteps = tensor([.. Enumerable.Range(0, icons.Length).Select(i => (long)((i * 37 % icons.Length) + 0.5) * schedule.Count / icons.Length)]);
        var noise = randn(latents.shape, generator: generator);
        using var prompt = model.EncodePrompt([.. icons.Select(Caption)]);
        var predicted = model.UNet.Forward(schedule.AddNoise(latents, noise, timesteps), timesteps, new CrossAttentionStates(prompt.Conditioning.Embeds));
        return nn.functional.mse_loss(predicted, schedule.Target(latents, noise, timesteps)).item<float>();
    }
}
