using Cones.Search;
using Cones.Search.Runs;

namespace Cones.Tests.Search;

/// <summary><see cref="SearchLoop.Run"/> that ends with the test.</summary>
static class TinySearch
{
    public static SearchResult Run(
        ISearchProblem problem, SearchOptions options, RunFolder? folder = null, ISearchObserver? observer = null, TimeProvider? time = null) =>
        SearchLoop.Run(problem, options, folder, observer, time, TestContext.Current.CancellationToken);
}
