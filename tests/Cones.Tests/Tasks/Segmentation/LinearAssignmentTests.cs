using Cones.Tasks.Segmentation;

namespace Cones.Tests.Tasks.Segmentation;

public sealed class LinearAssignmentTests
{
    [Fact]
    public void The_sum_is_the_least_of_all_assignments()
    {
        var random = new Random(7);
        for (var trial = 0; trial < 200; trial++)
        {
            var (rows, columns) = (random.Next(1, 6), random.Next(1, 6));
            var costs = new double[rows, columns];
            for (var i = 0; i < rows; i++)
                for (var j = 0; j < columns; j++) costs[i, j] = Math.Round((random.NextDouble() * 20) - 10, trial % 2); // ties in every other trial
            var solution = LinearAssignment.Solve(costs);
            var pairs = solution.Select((column, row) => (Row: row, Column: column)).Where(p => p.Column >= 0).ToArray();
            Assert.Equal(Math.Min(rows, columns), pairs.Select(p => p.Column).Distinct().Count());
            Assert.Equal(Math.Min(rows, columns), pairs.Length);
            Assert.Equal(Least(costs, 0, 0), pairs.Sum(p => costs[p.Row, p.Column]), 9);
        }
    }

    [Fact]
    public void Nothing_is_assigned_to_nothing()
    {
        Assert.Empty(LinearAssignment.Solve(new double[0, 3]));
        Assert.Equal([-1, -1], LinearAssignment.Solve(new double[2, 0]));
    }

    [Fact]
    public void A_cost_that_is_no_number_is_named()
    {
        var costs = new double[2, 3];
        costs[1, 2] = double.NaN;
        Assert.Contains("row 1 and column 2", Assert.Throws<ArgumentException>(() => LinearAssignment.Solve(costs)).Message);
    }

    // By trying all: rows take a free column, or none where there are too few.
    static double Least(double[,] costs, int row, int taken)
    {
        var (rows, columns) = (costs.GetLength(0), costs.GetLength(1));
        if (row == rows) return System.Numerics.BitOperations.PopCount((uint)taken) == Math.Min(rows, columns) ? 0 : double.PositiveInfinity;
        var least = Least(costs, row + 1, taken);
        for (var j = 0; j < columns; j++)
            if ((taken & (1 << j)) == 0) least = Math.Min(least, costs[row, j] + Least(costs, row + 1, taken | (1 << j)));
        return least;
    }
}
