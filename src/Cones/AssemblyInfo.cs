using System.Runtime.CompilerServices;

[assembly: InternalsVisibleTo("Cones.Tests")]
