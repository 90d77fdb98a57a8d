using Cones.Goldens;
using Cones.Goldens.Runners.Search;
using Cones.Search.Optimizers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Tests.Search;

public sealed class OptimizerTests
{
    public static TheoryData<string> TrainingCases()
    {
        var data = new TheoryData<string>();
        foreach (var golden in GoldenCase.Discover(GoldenSuite.DefaultFolder).Where(g => g.Kind == "cones-train")) data.Add(golden.Id);
        return data;
    }

    [Theory]
    [MemberData(nameof(TrainingCases))]
    public void Follows_the_reference_from_its_gradients(string id)
    {
        using var scope = NewDisposeScope();
        var golden = GoldenCase.Discover(Path.Combine(GoldenSuite.DefaultFolder, id)).Single();
        var result = new GoldenResult(golden);
        foreach (var variant in golden.Params.GetProperty("variants").EnumerateArray().Select(v => v.GetString()!))
        {
            List<KeyValuePair<string, Tensor>> parameters = [new("params", golden.Tensors[$"in.init.{variant}"].clone())];
            if (golden.Tensors.ContainsKey($"grad.{variant}.pooled")) parameters.Add(new("pooled", golden.Tensors["in.pooled"].clone()));
            using var optimizer = Optimizer.Create(GoldenOptimizer.Read(golden.Params.GetProperty("optimizer")), parameters);
            var trajectory = parameters.ToDictionary(p => p.Key, _ => new List<Tensor>());
            for (var step = 0; step < golden.Params.GetProperty("steps").GetInt32(); step++)
            {
                optimizer.Step(optimizer.Options.LearningRate, [.. parameters.Select(p => golden.Tensors[$"grad.{variant}.{p.Key}"][step])]);
                foreach (var (name, value) in parameters) trajectory[name].Add(value.clone());
            }

            foreach (var (name, values) in trajectory) result.Check($"out.{variant}.{name}", stack(values));
            var state = optimizer.State.ToDictionary();
            result.Check($"out.{variant}.exp_avg", state["exp_avg.params"]);
            result.Check($"out.{variant}.exp_avg_sq", state["exp_avg_sq.params"] * 1e6);
        }

        Assert.True(result.Failures.Count == 0, string.Join("\n", result.Failures));
        Assert.True(result.Checks >= 3);
    }

    [Theory]
    [InlineData(OptimizerKind.AdamW)]
    [InlineData(OptimizerKind.Adam)]
    [InlineData(OptimizerKind.Sgd)]
    public void Groups_multiply_rate_and_decay_of_the_parameters_they_name(OptimizerKind kind)
    {
        using var scope = NewDisposeScope();
        var options = new OptimizerOptions { Name = kind, LearningRate = 0.1, WeightDecay = 0.5 };
        ParameterGroup[] groups = [new("bias", RateFactor: 2, DecayFactor: 0), new("text.", RateFactor: 0.1)];
        foreach (var (name, rate, decay) in ((string, double, double)[])[("head.weight", 0.1, 0.5), ("head.bias", 0.2, 0), ("text.weight", 0.01, 0.5), ("text.bias", 0.02, 0)])
        {
            Tensor[] values = [ones(3), ones(3)];
            using var grouped = Optimizer.Create(options with { Groups = groups }, [new(name, values[0])]);
            using var plain = Optimizer.Create(options with { WeightDecay = decay }, [new(name, values[1])]);
            for (var step = 0; step < 3; step++)
            {
                grouped.Step(0.1, [full(3, 0.3f)]);
                plain.Step(rate, [full(3, 0.3f)]);
            }

            Assert.True(values[0].allclose(values[1], rtol: 1e-6, atol: 1e-7), name);
        }

        Assert.Contains("'bias' is -1", Assert.Throws<ArgumentException>(() => Optimizer.Create(options with { Groups = [new("bias", -1)] }, [new("p", ones(1))])).Message);
        Assert.Throws<ArgumentException>(() => Optimizer.Create(options with { Groups = [new("")] }, [new("p", ones(1))]));
    }

    [Theory]
    [InlineData(OptimizerKind.AdamW, 0.01, 0, 0, false, false)]
    [InlineData(OptimizerKind.AdamW, 0.3, 0, 0, false, true)]
    [InlineData(OptimizerKind.Adam, 0, 0, 0, false, false)]
    [InlineData(OptimizerKind.Adam, 0.1, 0, 0, false, true)]
    [InlineData(OptimizerKind.Sgd, 0, 0, 0, false, false)]
    [InlineData(OptimizerKind.Sgd, 0.1, 0.9, 0, false, false)]
    [InlineData(OptimizerKind.Sgd, 0, 0.9, 0.5, false, false)]
    [InlineData(OptimizerKind.Sgd, 0.1, 0.8, 0, true, false)]
    public void Follows_the_formula(OptimizerKind kind, double decay, double momentum, double dampening, bool nesterov, bool amsGrad)
    {
        using var scope = NewDisposeScope();
        const double Rate = 0.05;
        var options = new OptimizerOptions
        {
            Name = kind,
            LearningRate = Rate,
            WeightDecay = decay,
            Momentum = momentum,
            Dampening = dampening,
            Nesterov = nesterov,
            AmsGrad = amsGrad,
            Beta1 = 0.8,
            Beta2 = 0.95,
            Epsilon = 1e-6,
        };
        var parameter = tensor(new float[] { 1, -2 });
        using var optimizer = Optimizer.Create(options, [new("p", parameter)]);
        // The published formulas in double precision, element by element.
        double[] expected = [1, -2], m = [0, 0], v = [0, 0], largest = [0, 0];
        for (var step = 1; step <= 6; step++)
        {
            // The gradients become smaller, so that AMSGrad's maximum matters.
            double[] gradient = [2.0 / step, -0.5 * step / (step * step)];
            optimizer.Step(Rate, [tensor(gradient, dtype: ScalarType.Float32)]);
            for (var i = 0; i < 2; i++)
            {
                var g = gradient[i];
                if (kind == OptimizerKind.AdamW) expected[i] *= 1 - (Rate * decay);
                else g += decay * expected[i];
                if (kind == OptimizerKind.Sgd)
                {
                    m[i] = step == 1 ? g : (momentum * m[i]) + ((1 - dampening) * g);
                    expected[i] -= Rate * (momentum == 0 ? g : nesterov ? g + (momentum * m[i]) : m[i]);
                    continue;
                }

                m[i] = (0.8 * m[i]) + (0.2 * g);
                v[i] = (0.95 * v[i]) + (0.05 * g * g);
                largest[i] = Math.Max(largest[i], v[i]);
                var second = (amsGrad ? largest[i] : v[i]) / (1 - Math.Pow(0.95, step));
                expected[i] -= Rate * (m[i] / (1 - Math.Pow(0.8, step))) / (Math.Sqrt(second) + 1e-6);
            }
        }

        Assert.Equal(expected[0], parameter[0].item<float>(), 5e-6);
        Assert.Equal(expected[1], parameter[1].item<float>(), 5e-6);
    }

    [Fact]
    public void A_rate_factor_holds_for_its_parameter_alone()
    {
        using var scope = NewDisposeScope();
        var (a, b, c) = (ones(2), ones(2), ones(2));
        var options = new OptimizerOptions
        {
            Name = OptimizerKind.Sgd,
            LearningRate = 1,
            WeightDecay = 0,
            RateFactors = new Dictionary<string, double> { ["b"] = 0.1, ["c"] = 0 },
        };
        using var optimizer = Optimizer.Create(options, [new("a", a), new("b", b), new("c", c)]);
        optimizer.Step(1, [ones(2), ones(2), ones(2)]);
        Assert.Equal([0f, 0.9f, 1f], new[] { a, b, c }.Select(t => t[0].item<float>()));
    }

    [Fact]
    public void A_parameter_without_gradient_stays_and_does_not_count_the_step()
    {
        using var scope = NewDisposeScope();
        var (a, b) = (ones(2), ones(2));
        using var optimizer = Optimizer.Create(new OptimizerOptions(), [new("a", a), new("b", b)]);
        optimizer.Step(0.1, [ones(2), null]);
        Assert.Equal(1f, b[0].item<float>());
        Assert.NotEqual(1f, a[0].item<float>());
        Assert.Equal([1L, 0L], optimizer.Steps);
    }

    [Fact]
    public void A_loaded_state_goes_on_exactly()
    {
        using var scope = NewDisposeScope();
        var options = new OptimizerOptions { AmsGrad = true };
        var (p, q) = (ones(3), ones(3));
        using var first = Optimizer.Create(options, [new("p", p)]);
        using var second = Optimizer.Create(options, [new("p", q)]);
        using var generator = new Generator(3, CPU);
        for (var i = 0; i < 5; i++) first.Step(0.1, [randn(3, generator: generator)]);
        second.Load(first.State.ToDictionary(s => s.Key, s => s.Value.clone()), [.. first.Steps]);
        q.copy_(p);
        var gradient = randn(3, generator: generator);
        first.Step(0.1, [gradient]);
        second.Step(0.1, [gradient]);
        Assert.Equal(p.bytes.ToArray(), q.bytes.ToArray());
    }

    [Fact]
    public void Misuse_is_refused_with_numbers_before_anything_changes()
    {
        using var scope = NewDisposeScope();
        var p = ones(3);
        using var optimizer = Optimizer.Create(new OptimizerOptions(), [new("p", p)]);
        Assert.Contains("[2]", Assert.Throws<ArgumentException>(() => optimizer.Step(1, [ones(2)])).Message, StringComparison.Ordinal);
        Assert.Contains("2 gradients for 1", Assert.Throws<ArgumentException>(() => optimizer.Step(1, [ones(3), ones(3)])).Message, StringComparison.Ordinal);
        Assert.Contains("exp_avg.p", Assert.Throws<ArgumentException>(() => optimizer.Load(new Dictionary<string, Tensor>(), [0])).Message, StringComparison.Ordinal);
        Assert.Equal(1f, p[0].item<float>());
        var wrong = new OptimizerOptions { RateFactors = new Dictionary<string, double> { ["q"] = 1 } };
        Assert.Contains("'q'", Assert.Throws<ArgumentException>(() => Optimizer.Create(wrong, [new("p", p)])).Message, StringComparison.Ordinal);
        Assert.Contains("1.5", Assert.Throws<ArgumentException>(() => Optimizer.Create(new OptimizerOptions { Beta1 = 1.5 }, [new("p", p)])).Message, StringComparison.Ordinal);
    }
}
