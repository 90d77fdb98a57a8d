using System.CommandLine;
using System.Globalization;
using Cones.Models;
using Cones.Models.Native;
using Cones.Pretraining.Commands;

CultureInfo.DefaultThreadCurrentCulture = CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
LibTorch.Initialize();
var root = new RootCommand("Recipes that make the embedded models from scratch. Data first: pretraining/prepare-data.sh.");
RecipeCommands.AddTo(root);
EvaluateCommand.AddTo(root);
EvaluateDetectorCommand.AddTo(root);
EvaluateSegmenterCommand.AddTo(root);
SmokeCommand.AddTo(root);
ScenesCommand.AddTo(root);
DataCommand.AddTo(root);
var parsed = root.Parse(args);
if (parsed.Errors.Count > 0)
{
    foreach (var problem in parsed.Errors) Console.Error.WriteLine(problem.Message);
    return 2;
}

try
{
    return parsed.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
}
catch (ConesException e)
{
    Console.Error.WriteLine(e.Message);
    return 2;
}
