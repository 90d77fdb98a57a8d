using Cones.Models.Assignment;

namespace Cones.Models.Tests.Assignment;

public sealed class LinearAssignmentTests
{
    [Theory]
    [InlineData(1, 1)]
    [InlineData(3, 3)]
    [InlineData(2, 6)]
    [InlineData(6, 2)]
    [InlineData(5, 7)]
    [InlineData(7, 7)]
    public void No_assignment_costs_less(int rows, int columns)
    {
        var random = new Random(rows * 100 + columns);
        for (var trial = 0; trial < 60; trial++)
        {
            var costs = new double[rows, columns];
            // Small integers every other time: many assignments of equal cost.
            for (var i = 0; i < rows; i++)
                for (var j = 0; j < columns; j++) costs[i, j] = trial % 2 == 0 ? random.NextDouble() * 4 - 2 : random.Next(-2, 3);
            var columnOf = LinearAssignment.Solve(costs);
            var used = columnOf.Where(c => c >= 0).ToArray();
            Assert.Equal(rows, columnOf.Length);
            Assert.Equal(Math.Min(rows, columns), used.Length);
            Assert.Equal(used.Length, used.Distinct().Count());
            Assert.Equal(Least(costs), columnOf.Select((c, r) => c < 0 ? 0 : costs[r, c]).Sum(), 1e-9);
        }
    }

    [Fact]
    public void A_large_one_is_quick_and_no_exchange_of_two_helps()
    {
        var random = new Random(1);
        var costs = new double[200, 900];
        for (var i = 0; i < 200; i++)
            for (var j = 0; j < 900; j++) costs[i, j] = random.NextDouble();
        var columnOf = LinearAssignment.Solve(costs);
        for (var a = 0; a < 200; a++)
            for (var b = 0; b < a; b++)
                Assert.True(costs[a, columnOf[a]] + costs[b, columnOf[b]] <= costs[a, columnOf[b]] + costs[b, columnOf[a]] + 1e-12);
    }

    [Fact]
    public void Nothing_is_assigned_to_nothing()
    {
        Assert.Empty(LinearAssignment.Solve(new double[0, 3]));
        Assert.Equal([-1, -1], LinearAssignment.Solve(new double[2, 0]));
    }

    [Theory]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    public void A_cost_that_is_no_number_is_named(double bad)
    {
        var costs = new double[2, 3];
        costs[1, 2] = bad;
        Assert.Contains("row 1 and column 2", Assert.Throws<ArgumentException>(() => LinearAssignment.Solve(costs)).Message);
    }

    static double Least(double[,] costs)
    {
        var (rows, columns) = (costs.GetLength(0), costs.GetLength(1));
        return rows <= columns ? Search(0, 0) : Transposed(0, 0);

        double Search(int row, int taken)
        {
            if (row == rows) return 0;
            var least = double.PositiveInfinity;
            for (var j = 0; j < columns; j++)
                if ((taken & (1 << j)) == 0) least = Math.Min(least, costs[row, j] + Search(row + 1, taken | (1 << j)));
            return least;
        }

        double Transposed(int column, int taken)
        {
            if (column == columns) return 0;
            var least = double.PositiveInfinity;
            for (var i = 0; i < rows; i++)
                if ((taken & (1 << i)) == 0) least = Math.Min(least, costs[i, column] + Transposed(column + 1, taken | (1 << i)));
            return least;
        }
    }
}
