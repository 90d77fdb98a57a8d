using System.CommandLine;
using System.Diagnostics;
using Cones.Cli.Generate;
using Cones.Cli.Options;
using Cones.Cli.Output;
using Cones.Concepts;
using Cones.Evaluation;
using Cones.Models;
using Cones.Models.Imaging;
using Cones.Models.Weights;
using Cones.Tasks.Generation;
using TorchSharp;

namespace Cones.Cli.Evaluate;

/// <summary><c>cones evaluate generation</c>: how like the real pictures, and how true to the prompts, drawn pictures are.</summary>
static class EvaluateGenerationCommand
{
    static readonly Option<string> s_real = new("--real") { Description = "Folder with real pictures of the thing, best other ones than those searched on.", Required = true, HelpName = "DIR" };
    static readonly Option<string?> s_concept = new("--concept", "-c") { Description = "The concept to draw.", HelpName = "FILE" };
    static readonly Option<string?> s_generated = new("--generated") { Description = "Score the pictures of this folder instead of drawing any; a picture may have a caption file of its name, .txt.", HelpName = "DIR" };
    static readonly Option<string?> s_class = new("--class") { Description = "Words for the thing, which take its place in the text that CLIP-T compares with. Default: the concept's own base words. Without a concept they are drawn: the baseline.", HelpName = "WORDS" };
    static readonly Option<string?> s_prompts = new("--prompts") { Description = "'object', 'style', or a file with one prompt a line and {} for the thing. Default: the model's own, else object.", HelpName = "WHICH" };
    static readonly Option<int> s_count = new("--count", "-n") { Description = "Pictures of each prompt.", HelpName = "N", DefaultValueFactory = _ => 4 };
    static readonly Option<string?> s_clip = new("--clip") { Description = "The judge: folder or Hugging Face id of a CLIP model. Default: the embedded small one, a coarse judge.", HelpName = "MODEL" };
    static readonly Option<string?> s_save = new("--save") { Description = "Keep the drawn pictures in this folder.", HelpName = "DIR" };
    static readonly Option<bool> s_json = new("--json") { Description = "Print the result as JSON." };
    static readonly ModelOptionSet s_model = new();
    static readonly GenerateOptionSet s_how = new();

    public static Command Create()
    {
        var command = new Command(
            "generation",
            """
            Score pictures drawn with a concept, or those of a folder: CLIP-I, CLIP-T, CLIPScore, KID, FID.

            Example: cones evaluate generation --real more-of-my-dog --concept dog.concept.safetensors --class dog
            """);
        foreach (var option in (Option[])[s_real, s_concept, s_generated, s_class, s_prompts, s_count, s_clip, s_save]) command.Options.Add(option);
        s_model.AddTo(command);
        s_how.AddTo(command);
        command.Options.Add(s_json);
        command.SetAction(Execute);
        return command;
    }

    static int Execute(ParseResult parsed)
    {
        var clock = Stopwatch.StartNew();
        var (output, error) = (parsed.InvocationConfiguration.Output, parsed.InvocationConfiguration.Error);
        var generated = parsed.GetValue(s_generated);
        if (generated is not null && parsed.GetValue(s_concept) is not null)
            throw new ConesException("either a concept is drawn (--concept) or the pictures of a folder are scored (--generated): leave one out");
        if (parsed.GetValue(s_count) is < 1 or > 1024) throw new ConesException($"{parsed.GetValue(s_count)} pictures asked for, 1 to 1024 are possible (--count)");
        s_how.Check(parsed);
        var loading = s_model.Loading(parsed);
        var clip = parsed.GetValue(s_clip) is { } named ? HuggingFaceCache.Default().Resolve(named) : EmbeddedModels.Find(EmbeddedModels.Clip);
        var realFolder = parsed.GetRequiredValue(s_real);
        RgbImage[] real = [.. TrainingViews.ListImages(realFolder).Select(f => RgbImage.Load(f))];

        using var stop = new StopSignal();
        using var scope = torch.NewDisposeScope();
        using var judge = ClipJudge.FromFolder(clip, loading with { Type = torch.ScalarType.Float32 });
        var drawn = generated is not null ? FolderPictures.Read(generated, parsed.GetValue(s_prompts), parsed.GetValue(s_class)) : Draw(parsed, loading, error, stop.Token);
        error.WriteLine("scoring ...");
        var scores = PictureScores.Compute(judge, real, drawn, s_how.Seed(parsed));
        var report = EvaluationReport.Of(scores, clip, realFolder, clock.Elapsed) with
        {
            Concept = parsed.GetValue(s_concept),
            Generated = generated,
            Model = generated is null ? s_model.Folder(parsed) : null,
        };
        if (parsed.GetValue(s_json)) JsonOutput.Write(output, report);
        else report.Print(TextOutput.Console(output));
        return ExitCodes.Success;
    }

    static IReadOnlyList<DrawnPrompt> Draw(ParseResult parsed, LoadOptions loading, TextWriter error, CancellationToken cancellation)
    {
        var folder = s_model.Folder(parsed);
        using var concept = parsed.GetValue(s_concept) is { } path ? ConceptPictures.LoadConcepts([path], folder)[0] : null;
        if (concept is { Concepts.Count: > 1 }) throw new ConesException($"{parsed.GetValue(s_concept)} has several concepts: an evaluation draws one");
        var pictures = new DrawnPictures(folder, concept, parsed.GetValue(s_class), parsed.GetValue(s_prompts), s_how.Denoiser(parsed));
        var seed = s_how.Seed(parsed);
        var drawn = pictures.Draw(
            loading,
            parsed.GetValue(s_count),
            seed,
            pipeline => s_how.Read(parsed, pipeline, s_model.IsEmbedded(parsed)),
            s_how.Negative(parsed),
            error.WriteLine,
            cancellation);
        if (parsed.GetValue(s_save) is { } target) DrawnPictures.Save(drawn, target, seed);
        return drawn;
    }
}
