namespace Cones.Cli.Tests.Compare;

/// <summary>Plans that the tests write.</summary>
static class PlanFiles
{
    /// <summary>The plans that ship with the project.</summary>
    public static string Shipped { get; } = Path.Combine(TestFiles.Root, "docs", "reproduction");

    static readonly string s_tomato = Path.Combine(TestFiles.Root, "samples", "generation", "tomato");

    /// <summary>A small plan of generation.</summary>
    public static string Small(string genres = "  text: {method: text}\n  concept: {method: concept}", string seeds = "[0]", string more = "", string data = "") =>
        $"""
        title: Small plan
        task: generation
        models:
          mini: embedded
        datasets:
          tomato:
            images: {s_tomato}
            validation: {s_tomato}/eval/01-twemoji.png
            test: [{s_tomato}/eval/02-fluent-3d.png, {s_tomato}/eval/03-noto.png]
            name: <tomato>
            init: red apple
            class: tomato
        {data}
        genres:
        {genres}
        seeds: {seeds}
        budgets:
          2 steps: {"{"}steps: 2{"}"}
        options: {"{"}batch: 1, evaluation-batch: 2, evaluate-every: 1, no-flip: true{"}"}
        evaluation: {"{"}count: 1, steps: 1, rows: 2, guidance: 3{"}"}
        {more}
        """;

    /// <summary>Writes a plan into a folder.</summary>
    public static string Write(string folder, string text, string name = "plan.yaml")
    {
        var path = Path.Combine(folder, name);
        File.WriteAllText(path, text);
        return path;
    }
}
