using System.Globalization;
using Cones.Cli;
using Cones.Models.Native;

// Numbers and dates look the same everywhere: output is read by programs too.
CultureInfo.DefaultThreadCurrentCulture = CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
CultureInfo.DefaultThreadCurrentUICulture = CultureInfo.CurrentUICulture = CultureInfo.InvariantCulture;
NativeMemory.Tune();
LibTorch.Initialize();
return ConesCommand.Run(args, Console.Out, Console.Error);
