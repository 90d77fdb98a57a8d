using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Evaluation;

/// <summary>What was generated for one prompt.</summary>
/// <param name="Prompt">The prompt.</param>
/// <param name="Images">Features of the images generated for it <c>[K, D]</c>.</param>
/// <param name="Text">
/// The feature of the prompt <c>[D]</c> or <c>[1, D]</c>, by custom of the prompt with the class name in place of the placeholder.
/// </param>
public sealed record PromptFeatures(string Prompt, Tensor Images, Tensor Text);

/// <summary>The scores of one prompt, means over its images.</summary>
/// <param name="Prompt">The prompt.</param>
/// <param name="ClipI">Likeness to the real images, in [-1, 1].</param>
/// <param name="ClipT">Closeness to the prompt, in [-1, 1].</param>
/// <param name="Images">The number of images.</param>
public sealed record PromptScores(string Prompt, double ClipI, double ClipT, int Images);

/// <summary>How well a subject is reproduced and prompts are followed, as DreamBench reports it (arXiv 2208.12242, section 4.2).</summary>
/// <param name="ClipI">CLIP-I over the prompts, each with the same weight.</param>
/// <param name="ClipT">CLIP-T over the prompts, each with the same weight.</param>
/// <param name="ClipIAmongReal">CLIP-I of the real images among themselves, or null for a single one.</param>
/// <param name="Prompts">The scores of each prompt, in the order given.</param>
public sealed record SubjectScores(ScoreSummary ClipI, ScoreSummary ClipT, double? ClipIAmongReal, IReadOnlyList<PromptScores> Prompts)
{
    /// <summary>Scores what was generated for a subject.</summary>
    /// <param name="real">Features of the subject's real images <c>[M, D]</c>, from the encoder that made the others.</param>
    /// <param name="prompts">At least one prompt with its images.</param>
    /// <exception cref="ArgumentException">There is no prompt, a shape does not fit or a value is not finite.</exception>
    public static SubjectScores Compute(Tensor real, IReadOnlyList<PromptFeatures> prompts)
    {
        ArgumentNullException.ThrowIfNull(prompts);
        if (prompts.Count == 0) throw new ArgumentException("There is no prompt to score.", nameof(prompts));
        var scores = prompts.Select(p => Score(real, p)).ToArray();
        return new SubjectScores(
            ScoreSummary.Of([.. scores.Select(s => s.ClipI)]),
            ScoreSummary.Of([.. scores.Select(s => s.ClipT)]),
            real.shape[0] > 1 ? ClipMetrics.ClipIAmongReal(real) : null,
            scores);
    }

    static PromptScores Score(Tensor real, PromptFeatures prompt)
    {
        using var scope = NewDisposeScope();
        var text = prompt.Text.dim() == 1 ? prompt.Text.unsqueeze(0) : prompt.Text; // [1, D]
        if (text.dim() != 2 || text.shape[0] != 1)
            throw new ArgumentException($"The feature of '{prompt.Prompt}' is {Features.Shape(prompt.Text)}; a prompt has one row.", nameof(prompt));
        // One row of text for all images: the mean over the pairs is the mean over the images.
        return new PromptScores(prompt.Prompt, ClipMetrics.ClipI(prompt.Images, real), ClipMetrics.ClipI(prompt.Images, text), (int)prompt.Images.shape[0]);
    }
}
