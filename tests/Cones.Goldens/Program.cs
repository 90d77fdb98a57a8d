using Cones.Goldens;
using Cones.Models.Native;

// Runs every case below the folder given (default: tests/goldens or CONES_GOLDENS); exit code 1 if any fails.
LibTorch.Initialize();
var folder = args.Length > 0 ? args[0] : GoldenSuite.DefaultFolder;
if (!Directory.Exists(folder))
{
    Console.Error.WriteLine($"{folder}: no such folder");
    return 2;
}

int passed = 0, failed = 0, skipped = 0;
foreach (var golden in GoldenCase.Discover(folder))
{
    var result = GoldenSuite.Run(golden);
    if (result.Failures.Count > 0)
    {
        failed++;
        foreach (var failure in result.Failures) Console.WriteLine($"{golden.Id} {failure}");
    }
    else if (result.Skipped is { } reason)
    {
        skipped++;
        Console.WriteLine($"skipped {golden.Id}: {reason}");
    }
    else
    {
        passed++;
    }
}

Console.WriteLine(skipped > 0 ? $"{passed} passed, {failed} failed, {skipped} skipped" : $"{passed} passed, {failed} failed");
return failed > 0 || passed + skipped == 0 ? 1 : 0;
