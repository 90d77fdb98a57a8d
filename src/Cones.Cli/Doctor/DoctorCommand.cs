using System.CommandLine;
using System.Globalization;
using Cones.Cli.Output;
using Spectre.Console;

namespace Cones.Cli.Doctor;

/// <summary><c>cones doctor</c>: what the machine has, what is wrong with it, and what to do.</summary>
static class DoctorCommand
{
    public static Command Create()
    {
        var json = new Option<bool>("--json") { Description = "Print JSON." };
        var noSpeed = new Option<bool>("--no-speed") { Description = "Do not measure the speed, which takes a few seconds." };
        var command = new Command("doctor", "Show what was found on this machine, what is wrong, and the remedy. Exit code 2 where models cannot run.") { json, noSpeed };
        command.SetAction(parsed =>
        {
            var report = DoctorFacts.Collect(!parsed.GetValue(noSpeed));
            var output = parsed.InvocationConfiguration.Output;
            if (parsed.GetValue(json)) JsonOutput.Write(output, report);
            else Print(report, TextOutput.Console(output));
            return report.Usable ? ExitCodes.Success : ExitCodes.BadInput;
        });
        return command;
    }

    public static void Print(DoctorReport report, IAnsiConsole console)
    {
        var native = report.Native;
        var table = TextOutput.Table("what", "found");
        table.Row("cones", $"{report.Cones}, {report.Dotnet}");
        table.Row("system", $"{report.OperatingSystem}, {report.Architecture}");
        table.Row("LibTorch", native.Loaded ? $"{native.LibTorch}, TorchSharp {native.TorchSharp}" : $"did not load: {native.Failure}");
        if (native.Loaded) table.Row("library", native.PatchedCopy is { } copy ? $"patched copy for an older libstdc++: {copy}" : "as installed");
        table.Row("processor", $"{report.Cores} cores, {(native.Loaded ? $"{native.Threads} threads, " : "")}{report.VectorLevel}");
        table.Row("memory", TextOutput.Size(report.MemoryBytes));
        if (native.GemmGflops is { } gemm)
            table.Row("speed", string.Create(CultureInfo.InvariantCulture, $"matrix product {gemm:0.#} GFLOP/s, convolution {native.ConvolutionGflops:0.#} GFLOP/s"));
        table.Row("Unicode data", report.Unicode ? "found" : "missing");
        foreach (var model in report.EmbeddedModels) table.Row($"model {model.Name}", model.Path ?? "missing");
        var cache = report.ModelCache;
        table.Row("model cache", cache.Exists ? $"{cache.Path}, {TextOutput.Size(cache.Bytes)}, {(cache.Models.Count > 0 ? string.Join(", ", cache.Models) : "no models")}" : $"{cache.Path} (not there yet)");
        foreach (var folder in report.Folders)
            table.Row(folder.Purpose, $"{folder.Path}, {(folder.Writable ? "can be written" : "cannot be written")}{(folder.FreeBytes is { } free ? $", {TextOutput.Size(free)} free" : "")}");
        console.Write(table);

        if (report.Problems.Count == 0)
        {
            console.WriteLine("Nothing is wrong.");
            return;
        }

        foreach (var problem in report.Problems)
        {
            console.Write(new Text(problem.Severity == Severity.Error ? "error: " : "warning: ", new Style(problem.Severity == Severity.Error ? Color.Red : Color.Yellow)));
            console.WriteLine(TextOutput.Plain($"{problem.What}; {problem.Remedy}."));
        }
    }
}
