using System.Text.Json;

namespace Cones.Cli.Tests;

/// <summary>Runs the command in this process.</summary>
sealed record Cli(int ExitCode, string Output, string Error)
{
    public static Cli Run(params string[] args)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var code = ConesCommand.Run(args, output, error);
        return new Cli(code, output.ToString(), error.ToString());
    }

    /// <summary>The root of the JSON that was printed.</summary>
    public JsonElement Json()
    {
        Assert.True(Output.Length > 0, Error);
        using var document = JsonDocument.Parse(Output);
        return document.RootElement.Clone();
    }

    /// <summary>Bad input: exit code 2, one sentence with <paramref name="parts"/> after any progress, no results.</summary>
    public void MustRefuse(params string[] parts)
    {
        Assert.Equal(ExitCodes.BadInput, ExitCode);
        Assert.Equal("", Output);
        Assert.Contains(Error.Split('\n'), line => line.StartsWith("cones: ", StringComparison.Ordinal));
        Assert.DoesNotContain("unexpected error", Error);
        Assert.DoesNotContain("   at ", Error);
        foreach (var part in parts) Assert.Contains(part, Error);
    }
}
