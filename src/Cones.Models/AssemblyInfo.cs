using System.Runtime.CompilerServices;

[assembly: InternalsVisibleTo("Cones.Models.Tests")]
