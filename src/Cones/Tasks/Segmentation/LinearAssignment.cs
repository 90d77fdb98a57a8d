namespace Cones.Tasks.Segmentation;

/// <summary>The assignment problem: pairs of rows and columns with the least sum of costs.</summary>
/// <remarks>Shortest augmenting paths with potentials (Jonker and Volgenant 1987), rows joining one after the other.</remarks>
public static class LinearAssignment
{
    /// <summary>Assigns every row to a column of its own, or every column to a row where there are fewer columns.</summary>
    /// <param name="costs">[rows, columns], finite.</param>
    /// <returns>The column of each row; -1 for rows that are left over.</returns>
    /// <exception cref="ArgumentException">A cost is NaN or infinite; the message names its place.</exception>
    public static int[] Solve(double[,] costs)
    {
        ArgumentNullException.ThrowIfNull(costs);
        var (rows, columns) = (costs.GetLength(0), costs.GetLength(1));
        for (var i = 0; i < rows; i++)
            for (var j = 0; j < columns; j++)
                if (!double.IsFinite(costs[i, j])) throw new ArgumentException($"the cost of row {i} and column {j} is {costs[i, j]}", nameof(costs));
        if (rows <= columns) return Columns(rows, columns, (i, j) => costs[i, j]);

        var result = new int[rows];
        Array.Fill(result, -1);
        var rowOf = Columns(columns, rows, (j, i) => costs[i, j]);
        for (var j = 0; j < columns; j++) result[rowOf[j]] = j;
        return result;
    }

    // Column 0 and row 0 stand for "none", so that real ones count from 1.
    static int[] Columns(int rows, int columns, Func<int, int, double> cost)
    {
        var rowPotential = new double[rows + 1];
        var columnPotential = new double[columns + 1];
        var rowOf = new int[columns + 1];
        var previous = new int[columns + 1];
        for (var row = 1; row <= rows; row++)
        {
            rowOf[0] = row;
            var distance = Enumerable.Repeat(double.PositiveInfinity, columns + 1).ToArray();
            var visited = new bool[columns + 1];
            var column = 0;
            while (rowOf[column] != 0)
            {
                visited[column] = true;
                var (at, next, least) = (rowOf[column], 0, double.PositiveInfinity);
                for (var j = 1; j <= columns; j++)
                {
                    if (visited[j]) continue;
                    var reduced = cost(at - 1, j - 1) - rowPotential[at] - columnPotential[j];
                    if (reduced < distance[j]) (distance[j], previous[j]) = (reduced, column);
                    if (distance[j] < least) (least, next) = (distance[j], j);
                }

                for (var j = 0; j <= columns; j++)
                {
                    if (!visited[j]) distance[j] -= least;
                    else (rowPotential[rowOf[j]], columnPotential[j]) = (rowPotential[rowOf[j]] + least, columnPotential[j] - least);
                }

                column = next;
            }

            for (; column != 0; column = previous[column]) rowOf[column] = rowOf[previous[column]];
        }

        var result = new int[rows];
        for (var j = 1; j <= columns; j++)
            if (rowOf[j] != 0) result[rowOf[j] - 1] = j - 1;
        return result;
    }
}
