namespace Cones.Models.Assignment;

/// <summary>The assignment problem: pairs of rows and columns with the least sum of costs. All detectors' matchers use it.</summary>
/// <remarks>
/// Shortest augmenting paths with potentials (Jonker and Volgenant 1987; Crouse 2016, which is scipy's
/// <c>linear_sum_assignment</c>): O(rows² columns) for at most as many rows as columns.
/// </remarks>
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
        if (rows <= columns) return Assign(rows, columns, Flatten(costs, transposed: false));

        var result = new int[rows];
        Array.Fill(result, -1);
        var rowOf = Assign(columns, rows, Flatten(costs, transposed: true));
        for (var j = 0; j < columns; j++) result[rowOf[j]] = j;
        return result;
    }

    // Rows join one after the other, each along the cheapest path of reduced costs to a free column.
    static int[] Assign(int rows, int columns, double[] costs)
    {
        var (rowPotential, columnPotential) = (new double[rows], new double[columns]);
        var (columnOf, rowOf, from) = (new int[rows], new int[columns], new int[columns]);
        Array.Fill(columnOf, -1);
        Array.Fill(rowOf, -1);
        var distance = new double[columns];
        var (rowDone, columnDone) = (new bool[rows], new bool[columns]);
        for (var start = 0; start < rows; start++)
        {
            Array.Fill(distance, double.PositiveInfinity);
            Array.Clear(rowDone);
            Array.Clear(columnDone);
            var (row, least, end) = (start, 0.0, -1);
            while (end < 0)
            {
                rowDone[row] = true;
                var next = -1;
                var line = costs.AsSpan(row * columns, columns);
                var offset = least - rowPotential[row];
                for (var j = 0; j < columns; j++)
                {
                    if (columnDone[j]) continue;
                    var reached = offset + line[j] - columnPotential[j];
                    if (reached < distance[j]) (distance[j], from[j]) = (reached, row);
                    if (next < 0 || distance[j] < distance[next] || (distance[j] == distance[next] && rowOf[j] < 0)) next = j;
                }

                least = distance[next];
                columnDone[next] = true;
                if (rowOf[next] < 0) end = next;
                else row = rowOf[next];
            }

            // The potentials keep every reduced cost at least 0, and that of every pair at 0.
            rowPotential[start] += least;
            for (var i = 0; i < rows; i++)
                if (rowDone[i] && i != start) rowPotential[i] += least - distance[columnOf[i]];
            for (var j = 0; j < columns; j++)
                if (columnDone[j]) columnPotential[j] -= least - distance[j];

            for (var j = end; ;)
            {
                var i = from[j];
                rowOf[j] = i;
                (columnOf[i], j) = (j, columnOf[i]);
                if (i == start) break;
            }
        }

        return columnOf;
    }

    static double[] Flatten(double[,] costs, bool transposed)
    {
        var (rows, columns) = (costs.GetLength(0), costs.GetLength(1));
        var flat = new double[rows * columns];
        for (var i = 0; i < rows; i++)
            for (var j = 0; j < columns; j++) flat[transposed ? (j * rows) + i : (i * columns) + j] = costs[i, j];
        return flat;
    }
}
