namespace Cones.Models.StableDiffusion.Schedulers;

/// <summary>What the network predicts (<c>prediction_type</c>).</summary>
public enum PredictionType
{
    /// <summary>The noise that was added: <c>epsilon</c>.</summary>
    Epsilon,

    /// <summary>The velocity <c>√ᾱ·ε − √(1−ᾱ)·x₀</c>: <c>v_prediction</c>.</summary>
    VPrediction,

    /// <summary>The clean sample: <c>sample</c>.</summary>
    Sample,
}

/// <summary>How the inference steps are spread over the training timesteps (<c>timestep_spacing</c>).</summary>
public enum TimestepSpacing
{
    /// <summary>Evenly between the first and the last training timestep.</summary>
    Linspace,

    /// <summary>Multiples of an integer step from 0 upwards, plus <c>steps_offset</c>.</summary>
    Leading,

    /// <summary>From the last training timestep downwards.</summary>
    Trailing,
}

/// <summary>How β grows over the training timesteps (<c>beta_schedule</c>).</summary>
public enum BetaSchedule
{
    /// <summary>β itself grows linearly.</summary>
    Linear,

    /// <summary>√β grows linearly (Stable Diffusion).</summary>
    ScaledLinear,

    /// <summary>ᾱ follows a squared cosine, β at most 0.999 (Nichol and Dhariwal, 2021).</summary>
    SquaredCosCapV2,

    /// <summary>β follows a logistic curve; DDPM only.</summary>
    Sigmoid,

    /// <summary>ᾱ from a Laplace distribution of the log signal-to-noise ratio; DDPM only.</summary>
    Laplace,
}

/// <summary>How the noise levels are spread (<c>use_karras_sigmas</c> and its relatives).</summary>
public enum SigmaSpacing
{
    /// <summary>As the timesteps say.</summary>
    Timesteps,

    /// <summary>Evenly in σ^(1/7) (Karras et al., 2022).</summary>
    Karras,

    /// <summary>Evenly in log σ.</summary>
    Exponential,

    /// <summary>Quantiles of the Beta(0.6, 0.6) distribution (Lee et al., 2024).</summary>
    Beta,

    /// <summary>Evenly in the log signal-to-noise ratio (Lu et al., 2022); DPM-Solver only.</summary>
    Lu,
}
