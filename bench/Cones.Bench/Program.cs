using System.Globalization;
using System.Text.Json.Nodes;
using Cones.Bench.Infrastructure;
using Cones.Models.Native;

// Runs the benchmark named; the last line on stdout is one JSON object. Without a name: lists them.
CultureInfo.DefaultThreadCurrentCulture = CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
NativeMemory.Tune();
LibTorch.Initialize();
IBenchmark[] benchmarks =
[
    .. typeof(IBenchmark).Assembly.GetTypes()
        .Where(t => t.IsClass && t.IsAssignableTo(typeof(IBenchmark)))
        .Select(t => (IBenchmark)Activator.CreateInstance(t)!)
        .OrderBy(b => b.Name, StringComparer.Ordinal),
];
if (args.Length == 0)
{
    foreach (var benchmark in benchmarks) Console.WriteLine($"{benchmark.Name,-40} {benchmark.Description}");
    return 0;
}

if (benchmarks.FirstOrDefault(b => b.Name == args[0]) is not { } chosen)
{
    Console.Error.WriteLine($"no benchmark '{args[0]}'; there are: {string.Join(", ", benchmarks.Select(b => b.Name))}");
    return 2;
}

var figures = chosen.Run(args[1..]);
var report = new JsonObject { ["name"] = chosen.Name };
foreach (var (key, value) in figures) report[key] = value?.DeepClone();
report["machine"] = MachineReport.ToJson();
Console.WriteLine(report.ToJsonString());
return 0;
