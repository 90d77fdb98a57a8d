using Cones.Models;
using Cones.Models.Imaging;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Evaluation;

/// <summary>What was drawn for one prompt.</summary>
/// <param name="Prompt">The prompt.</param>
/// <param name="Text">What the pictures are compared with, by custom the prompt with the class name in place of the concept's; or null.</param>
/// <param name="Images">The pictures, at least one.</param>
public sealed record DrawnPrompt(string Prompt, string? Text, IReadOnlyList<RgbImage> Images);

/// <summary>The scores of drawn pictures against real ones and against their prompts.</summary>
/// <param name="ClipI">CLIP-I: likeness to the real pictures, over prompts of the same weight.</param>
/// <param name="ClipT">CLIP-T: closeness to the texts, over prompts of the same weight; null without texts.</param>
/// <param name="ClipScore">CLIPScore, in [0, 2.5], over all pictures; null without texts.</param>
/// <param name="ClipIAmongReal">CLIP-I of the real pictures among themselves: what CLIP-I can reach; null for a single one.</param>
/// <param name="Kid">KID over subsets; null where there are fewer than two pictures of either kind.</param>
/// <param name="Fid">FID; null likewise. Biased upwards for fewer than some tens of thousands of pictures.</param>
/// <param name="Real">The number of real pictures.</param>
/// <param name="Drawn">The number of drawn pictures.</param>
/// <param name="Prompts">The scores of each prompt; CLIP-T is NaN without texts.</param>
public sealed record PictureScores(
    ScoreSummary ClipI,
    ScoreSummary? ClipT,
    double? ClipScore,
    double? ClipIAmongReal,
    ScoreSummary? Kid,
    double? Fid,
    int Real,
    int Drawn,
    IReadOnlyList<PromptScores> Prompts)
{
    /// <summary>Scores pictures. KID and FID use the judge's features, not those of Inception.</summary>
    /// <param name="judge">Makes the features.</param>
    /// <param name="real">Real pictures of the subject, at least one.</param>
    /// <param name="drawn">What was drawn; all with a text, or none.</param>
    /// <param name="seed">Seed of KID's subsets.</param>
    /// <exception cref="ConesException">There is nothing to score, or some pictures have a text and others none.</exception>
    public static PictureScores Compute(ClipJudge judge, IReadOnlyList<RgbImage> real, IReadOnlyList<DrawnPrompt> drawn, ulong seed = 0)
    {
        if (real.Count == 0 || drawn.Count == 0) throw new ConesException("there are no pictures to score: give real and drawn ones");
        var texts = drawn.Select(d => d.Text).OfType<string>().ToArray();
        if (texts.Length != 0 && texts.Length != drawn.Count)
            throw new ConesException($"{texts.Length} of {drawn.Count} groups of pictures have a prompt: give all of them one, or none");

        using var scope = NewDisposeScope();
        var realFeatures = judge.Images(real); // [M, P]
        Tensor[] features = [.. drawn.Select(d => judge.Images(d.Images))]; // [K, P] each
        var all = cat(features, 0); // [N, P]
        (SubjectScores Scores, double ClipScore)? summary = texts.Length > 0 ? OfSubject(judge.Texts(texts)) : null;
        PromptScores[] alone = [.. drawn.Zip(features, (d, f) => new PromptScores(d.Prompt, ClipMetrics.ClipI(f, realFeatures), double.NaN, d.Images.Count))];
        var enough = real.Count > 1 && all.shape[0] > 1;
        return new PictureScores(
            summary?.Scores.ClipI ?? ScoreSummary.Of([.. alone.Select(s => s.ClipI)]),
            summary?.Scores.ClipT,
            summary?.ClipScore,
            real.Count > 1 ? ClipMetrics.ClipIAmongReal(realFeatures) : null,
            enough ? KernelDistance.Compute(realFeatures, all, seed: seed) : null,
            enough ? FrechetDistance.Compute(realFeatures, all) : null,
            real.Count,
            (int)all.shape[0],
            summary?.Scores.Prompts ?? alone);

        (SubjectScores Scores, double ClipScore) OfSubject(Tensor textFeatures)
        {
            var scores = SubjectScores.Compute(realFeatures, [.. drawn.Select((d, i) => new PromptFeatures(d.Prompt, features[i], textFeatures[i]))]);
            long[] owners = [.. drawn.SelectMany((d, i) => Enumerable.Repeat((long)i, d.Images.Count))];
            return (scores, ClipMetrics.ClipScore(all, textFeatures.index_select(0, tensor(owners))));
        }
    }
}
