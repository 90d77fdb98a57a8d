using System.Runtime.CompilerServices;

[assembly: InternalsVisibleTo("Cones.Cli.Tests")]
